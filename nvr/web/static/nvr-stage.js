/** @import {Camera} from "./types.js" */
/** @import {Quality} from "./live-quality.js" */
import { fill, h, icon } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { decimal, t } from "./i18n.js";
import { watchable } from "./live-quality.js";
import { NvrPlayer } from "./nvr-player.js";
import { takeSnapshot } from "./snapshot.js";
import { Magnifier } from "./zoom-gestures.js";

const PAN = 0.15;
const STEP = 1.5;

/** A large live picture with what can be done with it: magnify, take a snapshot, hear, fill the screen, see figures. */
export class NvrStage extends NvrElement {
  #player = /** @type {NvrPlayer | null} */ (null);
  #magnifier = /** @type {Magnifier | null} */ (null);
  /** @type {Camera | null} */
  #camera = null;
  #zoom = h("button", { type: "button", class: "stage-zoom", hidden: true, onclick: () => this.#magnifier?.reset() });
  #sound = this.#button("mute", "camera.sound", () => this.#toggleSound());
  #photo = this.#button("photo", "camera.snapshot", () => void this.#snapshot());
  #figures = this.#button("info", "camera.readout", () => void this.#toggleReadout());
  #readout = h("div", { class: "stage-readout", hidden: true });

  build() {
    this.#player = make(NvrPlayer, this.app, "large");
    this.#sound.hidden = true;
    fill(
      this,
      this.#player,
      this.#readout,
      h(
        "div",
        { class: "stage-bar" },
        this.#zoom,
        this.#sound,
        this.#photo,
        this.#figures,
        this.#button("expand", "camera.fullscreen", () => this.#fullscreen()),
      ),
    );
    const isLive = () => (this.#photo.disabled = this.#player?.state !== "live"); // else its time would be another
    this.#player.addEventListener("statechange", isLive);
    isLive();
    const picture = /** @type {HTMLElement} */ (this.#player.querySelector(".player-picture"));
    this.#magnifier = new Magnifier(this.#player, picture, (scale) => this.#magnified(scale), this.gone);
    document.addEventListener("keydown", (event) => this.#press(event), { signal: this.gone });
  }

  leave() {
    fill(this.#readout);
    this.#readout.hidden = true;
  }

  /** @param {Camera | null} camera */
  set(camera) {
    this.#camera = camera;
    this.#player?.set(camera);
    const hears = Boolean(camera?.sound && watchable(camera).length);
    if (!hears && !this.#sound.hidden) this.#hear(false);
    this.#sound.hidden = !hears;
  }

  /** @param {Quality} quality */
  set quality(quality) {
    if (this.#player) this.#player.quality = quality;
  }

  /** @param {keyof typeof import("./dom.js").PATHS} name @param {string} words @param {() => void} onclick */
  #button(name, words, onclick) {
    return h("button", { type: "button", class: "icon-button", "aria-label": t(words), title: t(words), onclick }, icon(name));
  }

  /** @param {number} scale */
  #magnified(scale) {
    this.#zoom.hidden = scale === 1;
    fill(this.#zoom, `${decimal(scale)}×`);
    this.#zoom.setAttribute("aria-label", t("camera.whole_picture"));
    if (this.#player) this.#player.scale = scale;
  }

  #toggleSound() {
    this.#hear(this.#sound.getAttribute("aria-pressed") !== "true");
  }

  /** @param {boolean} on */
  #hear(on) {
    this.#sound.setAttribute("aria-pressed", String(on));
    fill(this.#sound, icon(on ? "sound" : "mute"));
    if (this.#player) this.#player.sound = on;
  }

  async #snapshot() {
    const { store, time } = this.app;
    if (this.#player?.state === "live" && this.#camera) await takeSnapshot(this.#player.video, this.#camera.name, time, store.nowS());
  }

  async #toggleReadout() {
    this.#readout.hidden = !this.#readout.hidden;
    this.#figures.setAttribute("aria-pressed", String(!this.#readout.hidden));
    fill(this.#readout);
    if (this.#readout.hidden) return;
    const { NvrReadout } = await import("./nvr-readout.js");
    if (this.#readout.hidden || this.#readout.firstChild) return;
    const readout = make(NvrReadout, this.app);
    readout.player = this.#player;
    fill(this.#readout, readout);
  }

  #fullscreen() {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (this.requestFullscreen) return void this.requestFullscreen();
    // An iPhone fills its screen with nothing but a video.
    const video = /** @type {{webkitEnterFullscreen?: () => void} | undefined} */ (this.#player?.video);
    video?.webkitEnterFullscreen?.();
  }

  /** F fills the screen, S takes a snapshot, plus, minus and 0 magnify, arrows move. @param {KeyboardEvent} event */
  #press(event) {
    const { target, key } = event;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (this.#act(key)) event.preventDefault();
  }

  /** @param {string} key @returns {boolean} whether it means something */
  #act(key) {
    const zoom = /** @type {Magnifier} */ (this.#magnifier);
    const arrow = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] }[key];
    if (key === "f") this.#fullscreen();
    else if (key === "s") void this.#snapshot();
    else if (key === "+" || key === "=") zoom.by(STEP);
    else if (key === "-") zoom.by(1 / STEP);
    else if (key === "0") zoom.reset();
    else if (arrow && zoom.scale > 1) zoom.go(arrow[0] ?? 0, arrow[1] ?? 0);
    else return false;
    return true;
  }
}

customElements.define("nvr-stage", NvrStage);
