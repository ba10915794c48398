/** @import {NvrTimeline} from "./nvr-timeline.js" */
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

/**
 * The buttons of playback.
 *
 * @param {NvrTimeline} playback
 * @param {{play: HTMLElement, speeds: HTMLElement, quality: HTMLElement, sound: HTMLElement, jump: HTMLElement, hold: HTMLElement | false}} own
 *   those that show a state, which playback keeps up to date
 */
export function timelineControls(playback, { play, speeds, quality, sound, jump, hold }) {
  /** @param {keyof typeof import("./dom.js").PATHS} name @param {string} label @param {() => unknown} act */
  const button = (name, label, act) =>
    h("button", { type: "button", class: "icon-button", "aria-label": label, onclick: () => void act() }, icon(name));
  return h(
    "div",
    { class: "timeline-controls" },
    h(
      "div",
      { class: "transport" },
      button("previousMark", t("timeline.previous_incident"), () => playback.toIncident(-1)),
      button("stepBack", t("timeline.step_back"), () => playback.step(-1)),
      play,
      button("stepOn", t("timeline.step_on"), () => playback.step(1)),
      button("nextMark", t("timeline.next_incident"), () => playback.toIncident(1)),
    ),
    h(
      "div",
      { class: "transport tight" },
      speeds,
      button("minus", t("timeline.zoom_out"), () => playback.zoom(2)),
      button("plus", t("timeline.zoom_in"), () => playback.zoom(0.5)),
      sound,
      quality,
      h("span", { class: "icon-button jump" }, icon("calendar"), jump),
      hold,
    ),
  );
}
