/** @import {StreamRole} from "./types.js" */
import { ApiError, errorText } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement, pause } from "./element.js";
import { t } from "./i18n.js";
import { WhepSession } from "./whep.js";

const FIRST_PICTURE_S = 8;
const STALL_S = 5;
/** A picture that stands still for so long is no longer called live. */
const LATE_S = 2;
const LOOK_S = 1;
const WAITS_S = [1, 2, 4, 8, 15];
/** Refusals that time alone does not mend are asked again seldom. */
const SLOW_CODES = new Set(["b_frames", "h265", "no_picture", "too_many_viewers", "not_found"]);

/** @typedef {"idle" | "connecting" | "live" | "late" | "waiting"} PlayerState */

/**
 * Live picture of one stream. Says in words what it does; a picture that stopped is dimmed, never passed off as
 * live. Streams only while it can be seen. `data-state` is a PlayerState.
 */
export class NvrPlayer extends NvrElement {
  #video = h("video", { muted: true, autoplay: true, playsinline: true, disablepictureinpicture: true });
  #words = h("p", { class: "player-words", role: "status" });
  /** @type {{camera: string, role: StreamRole} | null} */
  #source = null;
  #trouble = "";
  #inView = false;
  /** @type {AbortController | null} */
  #run = null;
  #wake = new AbortController();
  /** @type {PlayerState} */
  #state = "idle";
  #why = "";

  build() {
    this.#video.muted = true; // the attribute alone does not mute an element made by script
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
    window.addEventListener("pagehide", () => this.#stop(), { signal: this.gone });
    this.#video.addEventListener("playing", () => this.#run && this.#show("live"), { signal: this.gone });
    this.#show("idle");
  }

  leave() {
    this.#inView = false;
    this.#stop();
    this.#video.srcObject = null;
  }

  /**
   * What to show, and in words why nothing can be shown (`trouble`, with `source` null or its stream down).
   *
   * @param {{camera: string, role: StreamRole} | null} source
   * @param {string} trouble "" when all is well
   */
  set(source, trouble) {
    const same = source?.camera === this.#source?.camera && source?.role === this.#source?.role;
    const mended = this.#trouble !== "" && trouble === "";
    this.#source = source;
    this.#trouble = trouble;
    if (!same) this.#stop();
    if (mended) this.#wake.abort(); // the appliance says the picture is back: do not sit out the pause
    this.#decide();
    this.#show(this.#state, this.#why);
  }

  get state() {
    return this.#state;
  }

  #decide() {
    const wanted = this.#source && this.#inView && document.visibilityState === "visible";
    if (!wanted) return this.#stop();
    if (this.#run) return;
    this.#run = new AbortController();
    void this.#keep(/** @type {{camera: string, role: StreamRole}} */ (this.#source), this.#run.signal);
  }

  #stop() {
    if (!this.#run) return;
    this.#run.abort();
    this.#run = null;
    this.#wake.abort();
    this.#show("idle");
  }

  /** @param {{camera: string, role: StreamRole}} source @param {AbortSignal} signal */
  async #keep(source, signal) {
    let failures = 0;
    while (!signal.aborted) {
      this.#show("connecting");
      const session = new WhepSession(this.app.api, this.#video);
      const leave = () => session.close();
      signal.addEventListener("abort", leave);
      let why = t("player.lost");
      let slow = false;
      try {
        await session.open(source.camera, source.role, signal);
        const seen = await this.#watchFrames(session, signal);
        failures = seen ? 0 : failures + 1;
        if (!seen) why = t("player.nothing_came");
      } catch (error) {
        failures += 1;
        why = errorText(error);
        slow = error instanceof ApiError && SLOW_CODES.has(error.code);
      }
      session.close();
      signal.removeEventListener("abort", leave);
      if (signal.aborted) return;
      this.#show("waiting", why);
      this.#wake = new AbortController();
      await pause(slow ? 15 : (WAITS_S[Math.min(failures, WAITS_S.length) - 1] ?? 0.5), this.#wake.signal);
    }
  }

  /** Until no picture comes any more; whether any had come. @param {WhepSession} session @param {AbortSignal} signal */
  async #watchFrames(session, signal) {
    let decoded = 0;
    let idleS = 0;
    while (!signal.aborted && !session.failed) {
      await pause(LOOK_S, signal);
      const now = await session.framesDecoded();
      idleS = now > decoded ? 0 : idleS + LOOK_S;
      decoded = now;
      if (decoded && this.#state === (idleS >= LATE_S ? "live" : "late")) this.#show(idleS >= LATE_S ? "late" : "live");
      if (idleS >= (decoded ? STALL_S : FIRST_PICTURE_S)) break;
    }
    return decoded > 0;
  }

  /** @param {PlayerState} state @param {string} [why] */
  #show(state, why = "") {
    const changed = state !== this.#state || this.dataset.state === undefined;
    this.#state = state;
    this.#why = why;
    this.dataset.state = state;
    this.classList.toggle("in-trouble", this.#trouble !== "" && !seen(state));
    say(this.#words, this.#sentence());
    if (changed) this.dispatchEvent(new Event("statechange"));
  }

  #sentence() {
    if (seen(this.#state)) return "";
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
