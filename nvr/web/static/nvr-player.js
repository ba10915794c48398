/** @import {StreamRole} from "./types.js" */
/** @import {PlayerState} from "./live-watch.js" */
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { LiveWatch } from "./live-watch.js";

/**
 * Live picture of one camera. Says in words what it does; a picture that stopped is dimmed, never passed off as
 * live. Streams only while it can be seen. `data-state` is a PlayerState.
 */
export class NvrPlayer extends NvrElement {
  #video = h("video", { muted: true, autoplay: true, playsinline: true, disablepictureinpicture: true });
  #words = h("p", { class: "player-words", role: "status" });
  /** @type {{camera: string, role: StreamRole} | null} */
  #source = null;
  #trouble = "";
  #inView = false;
  #watch = /** @type {LiveWatch | null} */ (null);
  /** @type {PlayerState} */
  #state = "idle";
  #why = "";

  build() {
    this.#video.muted = true; // the attribute alone does not mute an element made by script
    this.#watch ??= new LiveWatch(this.app.api, this.#video, (state, why) => this.#show(state, why));
    fill(
      this,
      this.#video,
      h("p", { class: "player-late" }, t("player.late")),
      h("div", { class: "player-cover" }, h("span", { class: "spinner" }), this.#words),
    );
    const watcher = new IntersectionObserver(
      (entries) => {
        this.#inView = entries.at(-1)?.isIntersecting ?? false;
        this.#decide();
      },
      { rootMargin: "80px" },
    );
    watcher.observe(this);
    this.gone.addEventListener("abort", () => watcher.disconnect());
    document.addEventListener("visibilitychange", () => this.#decide(), { signal: this.gone });
    window.addEventListener("pagehide", () => this.#watch?.stop(), { signal: this.gone });
    window.addEventListener("online", () => this.#watch?.hurry(), { signal: this.gone });
    this.watch(["linked"], () => {
      if (this.app.store.state.linked) this.#watch?.hurry();
      this.#show(this.#state, this.#why);
    });
  }

  leave() {
    this.#inView = false;
    this.#watch?.stop();
    this.#video.srcObject = null;
  }

  /**
   * What to show, and in words why nothing can be shown (`trouble`, with `source` null or its stream down).
   *
   * @param {{camera: string, role: StreamRole} | null} source
   * @param {string} trouble "" when all is well
   */
  set(source, trouble) {
    const isOther = source?.camera !== this.#source?.camera;
    const isMended = this.#trouble !== "" && trouble === "";
    this.#source = source;
    this.#trouble = trouble;
    if (this.#watch) {
      this.#watch.isCameraAway = trouble !== "";
      if (isOther) this.#watch.stop();
      if (isMended) this.#watch.hurry();
      if (source) this.#watch.show(source.role);
    }
    this.#decide();
    this.#show(this.#state, this.#why);
  }

  get state() {
    return this.#state;
  }

  #decide() {
    if (!this.#source || !this.#inView || document.visibilityState !== "visible") return this.#watch?.stop();
    this.#watch?.start(this.#source.camera, this.#source.role);
  }

  /** @param {PlayerState} state @param {string} why */
  #show(state, why) {
    const changed = state !== this.#state || this.dataset.state === undefined;
    this.#state = state;
    this.#why = why;
    this.dataset.state = state;
    this.classList.toggle("in-trouble", this.#trouble !== "" && !seen(state));
    say(this.#words, this.#sentence());
    if (changed) this.dispatchEvent(new Event("statechange"));
  }

  /** What is waited for: the camera, the network, the appliance, or what refused. */
  #sentence() {
    if (seen(this.#state)) return "";
    if (this.app.store.state.linked === false && this.#state !== "idle") {
      return t(navigator.onLine ? "player.unlinked" : "player.offline");
    }
    if (this.#trouble) return this.#trouble;
    if (this.#state === "waiting") return this.#why;
    return t(this.#state === "connecting" ? "player.connecting" : "player.paused");
  }
}

/** Whether the picture is uncovered. @param {PlayerState} state */
function seen(state) {
  return state === "live" || state === "late";
}

customElements.define("nvr-player", NvrPlayer);
