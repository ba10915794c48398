/** @import {Api} from "./api.js" */
/** @import {LiveSession} from "./live-transport.js" */
/** @import {StreamRole} from "./types.js" */
import { ApiError, errorText } from "./api.js";
import { pause } from "./element.js";
import { t } from "./i18n.js";
import { newSession } from "./live-transport.js";

const FIRST_PICTURE_S = 8;
const STALL_S = 5;
/** A picture that stands still for so long is no longer called live. */
const LATE_S = 2;
const LOOK_S = 1;
const WAITS_S = [1, 2, 4, 8, 15];
/** Refusals that time alone does not mend are asked again seldom. */
const SLOW_CODES = new Set(["b_frames", "h265", "too_many_own_viewers", "not_found"]);
const SLOW_S = 15;

/**
 * "late": the picture stands still. "waiting": there is none, and what is waited for is said.
 *
 * @typedef {"idle" | "connecting" | "live" | "late" | "waiting"} PlayerState
 */

/** Keeps one live picture coming: begins, looks whether it moves, and begins again after a loss of whatever kind. */
export class LiveWatch {
  #api;
  #video;
  #told;
  /** @type {AbortController | null} */
  #run = null;
  #wake = new AbortController();
  /** @type {StreamRole} */
  #role = "sub";
  /** The session that runs. @type {LiveSession | null} */
  session = null;
  /** Ask for sound too, from the next session on. */
  withSound = false;
  /** The appliance says that the camera sends nothing: a session is kept, since it goes on when the camera is back. */
  isCameraAway = false;

  /**
   * @param {Api} api
   * @param {HTMLVideoElement} video
   * @param {(state: PlayerState, why: string) => void} told called with each change
   */
  constructor(api, video, told) {
    this.#api = api;
    this.#video = video;
    this.#told = told;
    video.addEventListener("playing", () => this.session && told("live", ""));
  }

  get isRunning() {
    return this.#run !== null;
  }

  /** @param {string} camera @param {StreamRole} role */
  start(camera, role) {
    if (this.#run) return;
    this.#role = role;
    this.#run = new AbortController();
    void this.#keep(camera, this.#run.signal);
  }

  stop() {
    if (!this.#run) return;
    this.#run.abort();
    this.#run = null;
    this.session = null;
    this.#wake.abort();
    this.#told("idle", "");
  }

  /** The other stream, without a break where it runs already. @param {StreamRole} role */
  show(role) {
    if (role === this.#role) return;
    this.#role = role;
    // Refused: the present one goes on, and the next session begins with the wish.
    this.session?.show(role).catch(() => {});
  }

  /** What was waited for may be there: do not sit out the pause. */
  hurry() {
    this.#wake.abort();
  }

  /** @param {string} camera @param {AbortSignal} signal */
  async #keep(camera, signal) {
    let failures = 0;
    while (!signal.aborted) {
      this.#told("connecting", "");
      const fallingBack = () => signal.aborted || this.#told("connecting", t("player.fallback_connecting"));
      const session = newSession(this.#api, this.#video, this.withSound, fallingBack);
      const leave = () => session.close();
      signal.addEventListener("abort", leave);
      let why = t("player.lost");
      let leastS = 0.5;
      try {
        const role = this.#role;
        await session.open(camera, role, signal);
        if (signal.aborted) return;
        this.session = session;
        if (role !== this.#role) void session.show(this.#role).catch(() => {});
        const seen = await this.#watchFrames(session, signal);
        failures = seen ? 0 : failures + 1;
        if (!seen) why = t("player.nothing_came");
      } catch (error) {
        failures += 1;
        why = errorText(error);
        if (error instanceof ApiError) leastS = SLOW_CODES.has(error.code) ? SLOW_S : (error.retryAfterS ?? leastS);
      }
      session.close();
      signal.removeEventListener("abort", leave);
      if (signal.aborted) return;
      this.session = null;
      this.#told("waiting", why);
      this.#wake = new AbortController();
      await pause(Math.max(leastS, WAITS_S[Math.min(failures, WAITS_S.length) - 1] ?? 0), this.#wake.signal);
    }
  }

  /** Until no picture comes any more; whether any had come. @param {LiveSession} session @param {AbortSignal} signal */
  async #watchFrames(session, signal) {
    let decoded = 0;
    let idleS = 0;
    while (!signal.aborted && !session.failed) {
      await pause(LOOK_S, signal);
      const now = await session.framesDecoded();
      if (signal.aborted) break;
      idleS = now > decoded ? 0 : idleS + LOOK_S;
      decoded = now;
      if (decoded) this.#told(idleS >= LATE_S ? "late" : "live", "");
      if (idleS < (decoded ? STALL_S : FIRST_PICTURE_S)) continue;
      if (!this.isCameraAway || !decoded) break;
      this.#told("waiting", t("player.lost"));
    }
    return decoded > 0;
  }
}
