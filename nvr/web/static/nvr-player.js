/** @import {Camera, StreamRole} from "./types.js" */
/** @import {PlayerState} from "./live-watch.js" */
/** @import {Quality} from "./live-quality.js" */
import { noPictureWords } from "./camera-words.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { chosenRole } from "./live-quality.js";
import { LiveWatch } from "./live-watch.js";
import { Poster } from "./poster.js";

const SETTLED_S = 0.4;

/**
 * Live picture of one camera. Says in words what it does; a picture that stopped is dimmed, never passed off as
 * live. Streams only while it can be seen. `data-state` is a PlayerState.
 */
export class NvrPlayer extends NvrElement {
  video = h("video", { muted: true, autoplay: true, playsinline: true, disablepictureinpicture: true });
  #words = h("p", { class: "player-words", role: "status" });
  #poster = /** @type {Poster | null} */ (null);
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Quality} */
  #quality = "auto";
  /** @type {StreamRole | null} */
  #role = null;
  #scale = 1;
  #trouble = "";
  #inView = false;
  #watch = /** @type {LiveWatch | null} */ (null);
  /** @type {PlayerState} */
  #state = "idle";
  #why = "";
  #settling = 0;

  build() {
    this.video.muted = true; // the attribute alone does not mute an element made by script
    this.#watch ??= new LiveWatch(this.app.api, this.video, (state, why) => this.#show(state, why));
    this.#poster ??= new Poster(this.app);
    fill(
      this,
      h("div", { class: "player-picture" }, this.video, this.#poster.element),
      h("p", { class: "player-late" }, t("player.late")),
      h("p", { class: "player-fallback" }, t("player.fallback")),
      h("div", { class: "player-cover" }, h("span", { class: "spinner" }), this.#words, this.#poster.when),
    );
    const watcher = new IntersectionObserver(
      (entries) => {
        this.#inView = entries.at(-1)?.isIntersecting ?? false;
        this.#decide();
        this.#adorn();
      },
      { rootMargin: "80px" },
    );
    watcher.observe(this);
    const sizes = new ResizeObserver(() => this.#settle());
    sizes.observe(this);
    this.gone.addEventListener("abort", () => {
      watcher.disconnect();
      sizes.disconnect();
    });
    document.addEventListener("visibilitychange", () => this.#decide(), { signal: this.gone });
    window.addEventListener("pagehide", () => this.#watch?.stop(), { signal: this.gone });
    window.addEventListener("online", () => this.#watch?.hurry(), { signal: this.gone });
    this.watch(["linked"], () => {
      if (this.app.store.state.linked) this.#watch?.hurry();
      this.#show(this.#state, this.#why);
    });
  }

  leave() {
    clearTimeout(this.#settling);
    this.#poster?.hide();
    this.#inView = false;
    this.#watch?.stop();
    this.video.srcObject = null;
  }

  /** What to show; null: there is no such camera (any more). @param {Camera | null} camera */
  set(camera) {
    const isOther = camera?.id !== this.#camera?.id;
    if (isOther) this.#forget();
    const trouble = camera ? noPictureWords(camera, this.app.store) : t("error.not_found");
    const isMended = this.#trouble !== "" && trouble === "";
    this.#camera = camera;
    this.#trouble = trouble;
    if (this.#watch) this.#watch.isCameraAway = trouble !== "";
    if (isMended) this.#watch?.hurry();
    this.#choose();
  }

  get state() {
    return this.#state;
  }

  /** @param {Quality} quality */
  set quality(quality) {
    this.#quality = quality;
    this.#choose();
  }

  /** How much the picture is magnified: then more of it is worth its way. @param {number} scale */
  set scale(scale) {
    this.#scale = scale;
    this.#settle();
  }

  /** Sound comes only where it is wanted; it begins the picture anew. @param {boolean} on */
  set sound(on) {
    this.video.muted = !on;
    if (!this.#watch || this.#watch.withSound === on) return;
    this.#watch.withSound = on;
    this.#watch.stop();
    this.#decide();
  }

  /** What the connection counts; null while there is none. */
  async readings() {
    return (await this.#watch?.session?.readings()) ?? null;
  }

  #settle() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#choose(), SETTLED_S * 1000);
  }

  #choose() {
    if (this.#camera) {
      const widthPx = this.clientWidth * this.#scale;
      const role = chosenRole(this.#camera, this.#quality, widthPx, this.#role);
      this.#role = role ?? this.#role; // a session that waits for its camera keeps its stream
      if (role) this.#watch?.show(role);
    }
    this.#decide();
    this.#show(this.#state, this.#why);
  }

  #decide() {
    const isSeen = this.#inView && document.visibilityState === "visible";
    if (!this.#camera || !this.#role || !isSeen) return this.#watch?.stop();
    // Where nothing can be shown none is begun, but one that waits is kept.
    if (this.#trouble === "") this.#watch?.start(this.#camera.id, this.#role);
  }

  #forget() {
    this.#watch?.stop();
    this.#role = null;
    this.video.srcObject = null;
    this.#poster?.hide();
  }

  /** @param {PlayerState} state @param {string} why */
  #show(state, why) {
    const changed = state !== this.#state || this.dataset.state === undefined;
    if (seen(this.#state) && !seen(state) && this.#camera) this.app.pictures.keep(this.#camera.id, this.video);
    this.#state = state;
    this.#why = why;
    this.dataset.state = state;
    this.classList.toggle("by-fallback", seen(state) && (this.#watch?.session?.isFallback ?? false));
    this.classList.toggle("in-trouble", this.#trouble !== "" && !seen(state));
    say(this.#words, this.#sentence());
    this.#adorn();
    if (changed) this.dispatchEvent(new Event("statechange"));
  }

  /** Something to see until the live picture comes. */
  #adorn() {
    if (seen(this.#state)) this.#poster?.hide();
    else if (this.#camera && this.#inView) this.#poster?.show(this.#camera, this.#trouble !== "");
  }

  /** What is waited for: the camera, the network, the appliance, or what refused. */
  #sentence() {
    if (seen(this.#state)) return "";
    if (this.app.store.state.linked === false && this.#state !== "idle") {
      return t(navigator.onLine ? "player.unlinked" : "player.offline");
    }
    if (this.#trouble) return this.#trouble;
    if (this.#state === "waiting") return this.#why;
    if (this.#state === "connecting") return this.#why || t("player.connecting");
    return t("player.paused");
  }
}

/** Whether the picture is uncovered. @param {PlayerState} state */
function seen(state) {
  return state === "live" || state === "late";
}

customElements.define("nvr-player", NvrPlayer);
