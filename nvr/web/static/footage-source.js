/** @import {Api} from "./api.js" */
/** @import {Footage, FootagePart, StreamRole} from "./types.js" */

/** Asked for at once; short, so that the first picture comes soon. */
const STRETCH_S = 600;
/** The appliance has committed what is older. */
const COMMIT_S = 5;
const AGAIN_S = 5;
const KEPT = 6;
/** Footage this young may still come: it is asked for again, a second later. */
const FRESH_S = 30;
const FRESH_AGAIN_MS = 1000;
const JOINT_S = 0.06;

/**
 * @typedef {object} Stretch
 * @property {number} startS
 * @property {number} endS
 * @property {Footage | null} footage null while it is asked for, and when that failed
 * @property {number} failedMs 0 unless it failed
 *
 * @typedef {object} Place where a moment is to be found
 * @property {FootagePart} part
 * @property {FootagePart | null} next the part that follows, as far as is known
 */

/** Which audio this browser plays in MP4: Chromium takes G.711, others might not even show the picture beside it. */
export const AUDIO = /Chrom(e|ium)\//.test(navigator.userAgent) ? "all" : "aac";

/** The recorded footage of one stream, asked for stretch by stretch as somebody moves through it. */
export class FootageSource {
  #api;
  #path;
  #nowS;
  #signal;
  /** @type {Stretch[]} */
  #stretches = [];
  #freshMs = Number.NEGATIVE_INFINITY;
  /** Why the last question failed, null if it did not. @type {unknown} */
  error = null;

  /**
   * @param {Api} api
   * @param {string} camera
   * @param {StreamRole} role
   * @param {() => number} nowS
   * @param {AbortSignal} signal
   */
  constructor(api, camera, role, nowS, signal) {
    this.#api = api;
    this.#path = `/api/cameras/${encodeURIComponent(camera)}/footage/${role}`;
    this.#nowS = nowS;
    this.#signal = signal;
  }

  /**
   * Where the picture of a moment is; "loading" until that is known, "unwritten" if it may come to the disk yet, null
   * if nothing was recorded then.
   *
   * @param {number} wallS
   * @returns {Place | "loading" | "unwritten" | null}
   */
  find(wallS) {
    const stretch = this.#stretches.find(({ startS, endS }) => startS <= wallS && wallS < endS);
    if (!stretch) return this.#ask(wallS);
    if (!stretch.footage) {
      if (!stretch.failedMs) return "loading";
      if (performance.now() - stretch.failedMs > AGAIN_S * 1000) this.#forget(stretch);
      return null;
    }
    const { parts, covered } = stretch.footage;
    if (!covered.some(([start, end]) => start - JOINT_S <= wallS && wallS < end + JOINT_S)) return null;
    const index = Math.max(0, parts.filter((part) => part.start_s <= wallS).length - 1);
    const part = parts[index];
    if (!part) return null;
    return { part, next: parts[index + 1] ?? this.#after(stretch)?.footage?.parts[0] ?? null };
  }

  /** Ask ahead for what comes `aheadS` after a moment. @param {number} wallS @param {number} aheadS */
  prepare(wallS, aheadS) {
    const stretch = this.#stretches.find(({ startS, endS }) => startS <= wallS && wallS < endS);
    // Near the present only a good piece is worth another question.
    if (!stretch || stretch.endS - wallS > aheadS || this.#nowS() - COMMIT_S < stretch.endS + 2) return;
    if (!this.#after(stretch)) this.#ask(stretch.endS);
  }

  /** @param {Stretch} stretch */
  #after(stretch) {
    return this.#stretches.find(({ startS }) => startS === stretch.endS);
  }

  /** @param {number} wallS @returns {"loading" | "unwritten"} */
  #ask(wallS) {
    const whole = Math.floor(wallS / STRETCH_S) * STRETCH_S;
    const ends = this.#stretches.map(({ endS }) => endS).filter((end) => whole < end && end <= wallS);
    const startS = Math.max(whole, ...ends);
    const starts = this.#stretches.map((stretch) => stretch.startS).filter((start) => start > wallS);
    const endS = Math.min(whole + STRETCH_S, Math.floor(this.#nowS() - COMMIT_S), ...starts);
    const waits = wallS > this.#nowS() - FRESH_S && performance.now() - this.#freshMs < FRESH_AGAIN_MS;
    if (endS <= wallS || waits) return "unwritten";
    /** @type {Stretch} */
    const stretch = { startS, endS, footage: null, failedMs: 0 };
    this.#stretches = [...this.#stretches.slice(1 - KEPT), stretch];
    void this.#load(stretch);
    return "loading";
  }

  /** @param {Stretch} stretch */
  async #load(stretch) {
    const { startS, endS } = stretch;
    const query = new URLSearchParams({ start_s: String(startS), end_s: String(endS), audio: AUDIO });
    try {
      stretch.footage = await this.#api.get(`${this.#path}?${query}`, this.#signal);
      this.error = null;
      this.#shorten(stretch);
    } catch (error) {
      stretch.failedMs = performance.now();
      this.error = error;
    }
  }

  /** What is missing at the end of a stretch and is fresh may be written yet. @param {Stretch} stretch */
  #shorten(stretch) {
    const lastS = stretch.footage?.covered.at(-1)?.[1] ?? stretch.startS;
    if (lastS >= stretch.endS - JOINT_S || stretch.endS < this.#nowS() - FRESH_S) return;
    this.#freshMs = performance.now();
    stretch.endS = Math.max(lastS, Math.min(stretch.endS, this.#nowS() - FRESH_S));
    if (stretch.endS <= stretch.startS) this.#forget(stretch);
  }

  /** @param {Stretch} stretch */
  #forget(stretch) {
    this.#stretches = this.#stretches.filter((other) => other !== stretch);
  }
}
