/** @import {Camera} from "./types.js" */
import { h } from "./dom.js";

/**
 * A button for each camera, pressed where it is chosen.
 *
 * @param {Camera[]} cameras
 * @param {string[]} chosen ids
 * @param {number} most that may be chosen
 * @param {(id: string) => void} toggle
 */
export function cameraChips(cameras, chosen, most, toggle) {
  return cameras.map(({ id, name }) => {
    const isChosen = chosen.includes(id);
    const props = {
      type: "button",
      class: "button quiet",
      "data-camera": id,
      "aria-pressed": String(isChosen),
      disabled: !isChosen && chosen.length >= most,
      onclick: () => toggle(id),
    };
    return h("button", props, name);
  });
}
