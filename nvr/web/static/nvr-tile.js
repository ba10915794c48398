/** @import {Camera} from "./types.js" */
import { fill, h, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrPlayer } from "./nvr-player.js";

/** A tap waits so long for a second one. */
const DOUBLE_MS = 280;

/** One camera of the wall: live picture, name, state. A tap opens its page, two make it large where it is ("enlarge"). */
export class NvrTile extends NvrElement {
  #player = /** @type {NvrPlayer | null} */ (null);
  #name = h("span", { class: "tile-name" });
  #badge = h("span", { class: "live-badge" });
  #link = h("a", { class: "tile", onclick: (event) => this.#tap(event) });
  #tapped = 0;

  build() {
    this.#player = make(NvrPlayer, this.app);
    this.#player.addEventListener("statechange", () => this.#mark());
    fill(this.#link, this.#player, h("span", { class: "tile-caption" }, this.#name, this.#badge));
    fill(this, this.#link);
  }

  leave() {
    clearTimeout(this.#tapped);
    this.#tapped = 0;
  }

  /** @param {Camera} camera */
  show(camera) {
    this.dataset.camera = camera.id;
    this.#link.setAttribute("href", `#/live/${encodeURIComponent(camera.id)}`);
    say(this.#name, camera.name);
    this.#player?.set(camera);
    this.#mark();
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this.#link.focus(options);
  }

  /** @param {MouseEvent} event */
  #tap(event) {
    // Enter opens at once, and the browser's own ways to open a link stay as they are.
    if (event.detail === 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const isSecond = this.#tapped !== 0;
    this.leave();
    if (isSecond) this.dispatchEvent(new Event("enlarge"));
    else this.#tapped = setTimeout(() => (location.hash = this.#link.hash), DOUBLE_MS);
  }

  #mark() {
    const live = this.#player?.state === "live";
    this.classList.toggle("is-live", live);
    say(this.#badge, live ? t("player.live") : "");
  }
}

customElements.define("nvr-tile", NvrTile);
