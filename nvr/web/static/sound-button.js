/** @import {NvrReel} from "./nvr-reel.js" */
import { fill, h, icon } from "./dom.js";
import { t } from "./i18n.js";

/** Switches the sound of reels on and off; off at first, and only there where one of them has any. */
export class SoundButton {
  element = h("button", { type: "button", class: "icon-button", hidden: true, onclick: () => this.#toggle() });
  #muted = true;

  constructor() {
    this.#show();
  }

  /** Called many times a second. @param {NvrReel[]} reels */
  follow(reels) {
    this.element.hidden = !reels.some((reel) => reel.hasSound);
    for (const reel of reels) reel.muted = this.#muted;
  }

  #toggle() {
    this.#muted = !this.#muted;
    this.#show();
  }

  #show() {
    this.element.setAttribute("aria-label", t("timeline.sound"));
    this.element.setAttribute("aria-pressed", String(!this.#muted));
    fill(this.element, icon(this.#muted ? "mute" : "sound"));
  }
}
