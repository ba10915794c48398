/** @import {Api} from "./api.js" */
/** @import {StreamRole} from "./types.js" */
import { ApiError } from "./api.js";
import { WhepSession } from "./whep.js";

/**
 * One viewing of one camera, whatever brings its pictures: all that a player knows of it.
 *
 * @typedef {object} LiveSession
 * @property {boolean} failed the connection ended, and nothing will come by it any more
 * @property {(camera: string, role: StreamRole, signal: AbortSignal) => Promise<void>} open
 *   begin; the pictures go into the video that the session was made for. Throws ApiError: refused
 * @property {(role: StreamRole) => Promise<void>} show
 *   the other stream, from its next keyframe on, in the same session. Throws ApiError: refused, all stays as it was
 * @property {() => Promise<number>} framesDecoded pictures so far
 * @property {() => Promise<Readings | null>} readings
 * @property {boolean} isFallback whether the pictures come by the second best way
 * @property {() => void} close leave; the picture that was shown last stays until another comes
 */

/**
 * What a session counted since it began, null where its way does not tell.
 *
 * @typedef {object} Readings
 * @property {"webrtc" | "fragments"} transport words: `transport.<it>`
 * @property {number} atS a clock that runs evenly
 * @property {number} bytes of the video
 * @property {number} frames decoded
 * @property {string} codec
 * @property {StreamRole | null} role shown now
 * @property {number | null} packets that came
 * @property {number | null} lost
 * @property {number | null} waitedS for how long pictures waited here until they were shown, all together
 * @property {number | null} roundTripS
 */

/** A connection by WebRTC that takes longer will not come about: something lets no UDP through. */
const CONNECT_S = 4;
/** After so long, what is begun anew tries WebRTC first again: the device may be in another network. */
const AGAIN_S = 300;

/** Until when no WebRTC is tried, by `performance.now()`; for all pictures of the page. */
let closedUntilMs = 0;

/**
 * The session to begin with, or to go on with after the one before ended: the only place that chooses.
 *
 * @param {Api} api
 * @param {HTMLVideoElement} video
 * @param {boolean} withSound
 * @param {() => void} fallingBack told when WebRTC is given up
 * @returns {LiveSession}
 */
export function newSession(api, video, withSound, fallingBack) {
  return new EitherSession(api, video, withSound, fallingBack);
}

/** By WebRTC, or, where that does not connect, by fragments; whoever asks it asks the one that is. */
class EitherSession {
  #api;
  #video;
  #withSound;
  #fallingBack;
  /** @type {LiveSession | null} */
  #session = null;
  #closed = false;

  /** @param {Api} api @param {HTMLVideoElement} video @param {boolean} withSound @param {() => void} fallingBack */
  constructor(api, video, withSound, fallingBack) {
    this.#api = api;
    this.#video = video;
    this.#withSound = withSound;
    this.#fallingBack = fallingBack;
  }

  /** @param {string} camera @param {StreamRole} role @param {AbortSignal} signal @throws {ApiError} */
  async open(camera, role, signal) {
    if (performance.now() >= closedUntilMs) {
      const whep = new WhepSession(this.#api, this.#video, this.#withSound);
      this.#session = whep;
      try {
        await whep.open(camera, role, signal);
        if (await whep.connected(CONNECT_S, signal)) return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "no_live_port") throw error;
      }
      whep.close();
    }
    if (this.#closed) return;
    this.#fallingBack();
    const { FragmentSession } = await import("./fragments.js");
    const fragments = new FragmentSession(this.#api, this.#video);
    this.#session = fragments;
    if (this.#closed) return;
    await fragments.open(camera, role, signal);
    if (performance.now() >= closedUntilMs) closedUntilMs = performance.now() + AGAIN_S * 1000;
  }

  get failed() {
    return this.#session?.failed ?? this.#closed;
  }

  /** @param {StreamRole} role */
  async show(role) {
    await this.#session?.show(role);
  }

  async framesDecoded() {
    return (await this.#session?.framesDecoded()) ?? 0;
  }

  async readings() {
    return (await this.#session?.readings()) ?? null;
  }

  get isFallback() {
    return this.#session?.isFallback ?? false;
  }

  close() {
    this.#closed = true;
    this.#session?.close();
  }
}
