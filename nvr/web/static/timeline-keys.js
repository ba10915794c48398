/** @import {NvrTimeline} from "./nvr-timeline.js" */

/**
 * The keyboard of the duty room: space plays, arrows move by 10 s (with shift by a minute) and change the speed, comma
 * and full stop step by a picture, N and P go to incidents, plus and minus zoom. H begins to choose what is held,
 * brackets set its start and end to the moment that is shown, H again asks for whom, Escape gives up.
 *
 * @param {NvrTimeline} playback
 * @param {AbortSignal} signal
 */
export function playbackKeys(playback, signal) {
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const { target } = event;
    const types = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const presses = target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
    if (types || presses || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || !act(playback, event.key, event.shiftKey)) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press, { signal });
}

/** @param {NvrTimeline} playback @param {string} key @param {boolean} shift @returns {boolean} whether it means something */
function act(playback, key, shift) {
  const far = shift ? 60 : 10;
  switch (key) {
    case " ":
      playback.toggle();
      return true;
    case "ArrowLeft":
      playback.goBy(-far);
      return true;
    case "ArrowRight":
      playback.goBy(far);
      return true;
    case "ArrowUp":
      playback.shiftSpeed(1);
      return true;
    case "ArrowDown":
      playback.shiftSpeed(-1);
      return true;
    case ",":
      playback.step(-1);
      return true;
    case ".":
      playback.step(1);
      return true;
    case "n":
      void playback.toIncident(1);
      return true;
    case "p":
      void playback.toIncident(-1);
      return true;
    case "+":
    case "=":
      playback.zoom(0.5);
      return true;
    case "-":
      playback.zoom(2);
      return true;
    case "h":
      playback.hold.press();
      return true;
    case "[":
      playback.hold.setHere(0);
      return true;
    case "]":
      playback.hold.setHere(1);
      return true;
    case "Escape":
      return playback.hold.cancel();
    default:
      return false;
  }
}
