/** @import {NvrCameras} from "./nvr-cameras.js" */

/**
 * The keyboard of the duty room: arrows go from tile to tile and over the edge to the next page, page up and down turn
 * pages, digits make the tile with that number large and small again, as 0 and Escape do, F fills the screen.
 *
 * @param {NvrCameras} wall
 * @param {AbortSignal} signal
 */
export function wallKeys(wall, signal) {
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const { target } = event;
    const types = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (types || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || !act(wall, event.key)) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press, { signal });
}

/** @param {NvrCameras} wall @param {string} key @returns {boolean} whether it means something */
function act(wall, key) {
  if (key.startsWith("Arrow")) wall.go(key);
  else if (key === "PageDown") wall.turn(1);
  else if (key === "PageUp") wall.turn(-1);
  else if (/^[1-9]$/.test(key)) wall.enlarge(Number(key) - 1);
  else if (key === "f") wall.fillScreen();
  else if (key === "0" || key === "Escape") return wall.shrink();
  else return false;
  return true;
}
