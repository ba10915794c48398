/** @import {Api} from "./api.js" */
/** @import {Readings} from "./live-transport.js" */
/** @import {StreamRole} from "./types.js" */
import { ApiError } from "./api.js";

/** The picture is shown so far behind the newest that came: what a network makes wait is usually less. */
const NEAR_S = 0.3;
/** Further behind than the first it plays a little faster, and further than the second it jumps. */
const LATE_S = 0.8;
const FAR_S = 1.5;
const CATCH_UP = 1.1;
/** What was shown is kept for so long; browsers have room for much more. */
const KEPT_S = 5;
const WAITING_BYTES = 16 << 20;
/** In a fragment: the flags of its first picture, and what they are of a keyframe (ISO/IEC 14496-12, 8.8.3.1). */
const FLAGS_AT = 96;
const KEY = 0x02000000;
const H265 = 'video/mp4; codecs="hvc1.1.6.L120.B0"';

/**
 * What the appliance says before the fragments that it is true of.
 *
 * @typedef {object} Told
 * @property {string} content_type
 * @property {StreamRole} role
 */

/** @returns {typeof MediaSource | null} an iPhone has the managed kind alone */
function sourceType() {
  return /** @type {any} */ (window).ManagedMediaSource ?? window.MediaSource ?? null;
}

/**
 * One viewing of one camera by a WebSocket and Media Source, for networks that let no UDP through. A picture or two later
 * than by WebRTC, and without sound.
 */
export class FragmentSession {
  #api;
  #video;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {MediaSource | null} */
  #source = null;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  /** @type {(Told | ArrayBuffer)[]} */
  #waiting = [];
  #waitingBytes = 0;
  #bytes = 0;
  /** @type {Told | null} */
  #shown = null;
  /** When the keyframes that are still there are shown. @type {number[]} */
  #keysS = [];
  #follows = false;
  #camera = "";
  #over = new AbortController();

  /** @param {Api} api @param {HTMLVideoElement} video */
  constructor(api, video) {
    this.#api = api;
    this.#video = video;
  }

  /**
   * @param {string} camera
   * @param {StreamRole} role
   * @param {AbortSignal} signal
   * @throws {ApiError}
   */
  async open(camera, role, signal) {
    this.#camera = camera;
    const Source = sourceType();
    if (!Source) throw new ApiError(0, "no_codec");
    await this.#connect(role, Source.isTypeSupported(H265) ? "h264,h265" : "h264");
    if (signal.aborted || this.failed) return this.close();
    this.#source = new Source();
    this.#source.addEventListener("sourceopen", () => this.#pump());
    const address = URL.createObjectURL(this.#source);
    this.#over.signal.addEventListener("abort", () => URL.revokeObjectURL(address));
    if (this.#video.srcObject) this.#video.srcObject = null;
    this.#video.disableRemotePlayback = true; // what a managed source asks for
    this.#video.src = address;
    this.#video.addEventListener("error", () => this.#end(), { signal: this.#over.signal });
  }

  /** @param {StreamRole} role @throws {ApiError} */
  async show(role) {
    if (!this.failed) await this.#connect(role, sourceType()?.isTypeSupported(H265) ? "h264,h265" : "h264");
  }

  get isFallback() {
    return true;
  }

  get failed() {
    return this.#over.signal.aborted;
  }

  /** Pictures decoded so far. */
  async framesDecoded() {
    return this.#buffer ? this.#video.getVideoPlaybackQuality().totalVideoFrames : 0;
  }

  /** @returns {Promise<Readings>} */
  async readings() {
    return {
      transport: "fragments",
      atS: performance.now() / 1000,
      bytes: this.#bytes,
      frames: await this.framesDecoded(),
      codec: this.#shown?.content_type.includes("hvc1") ? "H265" : "H264",
      role: this.#shown?.role ?? null,
      packets: null,
      lost: null,
      waitedS: null,
      roundTripS: null,
    };
  }

  /** Leave; the picture that was shown last stays until another comes. */
  close() {
    if (this.#source && this.#video.src) this.#video.removeAttribute("src"); // shows on what it has
    this.#end();
  }

  #end() {
    this.#over.abort();
    this.#socket?.close();
    this.#waiting = [];
  }

  /**
   * The picture goes on with this stream once it comes by its own connection.
   *
   * @param {StreamRole} role
   * @param {string} codecs
   * @throws {ApiError}
   */
  async #connect(role, codecs) {
    const path = `/api/cameras/${encodeURIComponent(this.#camera)}/fragments/${role}?codecs=${codecs}`;
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#over.signal.addEventListener("abort", () => socket.close());
    socket.addEventListener("message", ({ data }) => this.#take(socket, data));
    socket.addEventListener("close", () => this.#socket === socket && this.#end());
    const isOpen = await new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(true));
      socket.addEventListener("close", () => resolve(false));
    });
    if (isOpen || this.failed) return;
    // Why it was refused is told to a plain request alone.
    await this.#api.request("GET", path, { signal: this.#over.signal });
    throw new ApiError(0, "offline");
  }

  /** @param {WebSocket} socket @param {string | ArrayBuffer} data */
  #take(socket, data) {
    if (this.failed) return;
    if (this.#socket !== socket) {
      const before = this.#socket;
      this.#socket = socket;
      before?.close();
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
    if (typeof data === "string") {
      this.#waiting.push(JSON.parse(data));
    } else {
      this.#waiting.push(data);
      this.#bytes += data.byteLength;
      this.#waitingBytes += data.byteLength;
      if (this.#waitingBytes > WAITING_BYTES) return this.#end();
    }
    this.#pump();
  }

  #pump() {
    while (!this.failed && this.#source?.readyState === "open" && !this.#buffer?.updating) {
      const next = this.#waiting[0];
      if (!next) return;
      if (next instanceof ArrayBuffer) {
        if (!this.#append(next)) return;
        this.#waitingBytes -= next.byteLength;
      } else {
        this.#describe(next);
      }
      this.#waiting.shift();
    }
  }

  /** @param {Told} told */
  #describe(told) {
    this.#shown = told;
    if (this.#buffer) return this.#buffer.changeType(told.content_type);
    const buffer = /** @type {MediaSource} */ (this.#source).addSourceBuffer(told.content_type);
    // What comes is shown one after the other, whatever its time: a camera may begin anew, and the streams have their own.
    buffer.mode = "sequence";
    buffer.addEventListener("updateend", () => {
      if (this.failed) return;
      this.#follow();
      this.#trim(KEPT_S);
      this.#pump();
    });
    buffer.addEventListener("error", () => this.#end());
    this.#buffer = buffer;
  }

  /** Whether it was taken; else it is tried again when there is room. @param {ArrayBuffer} data */
  #append(data) {
    const buffer = /** @type {SourceBuffer} */ (this.#buffer);
    const startS = end(buffer.buffered);
    try {
      buffer.appendBuffer(data);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      if (error.name !== "QuotaExceededError" || !this.#trim(0)) this.#end();
      return false;
    }
    const isKey = data.byteLength > FLAGS_AT + 4 && new DataView(data).getUint32(FLAGS_AT) === KEY;
    if (isKey) this.#keysS.push(startS);
    return true;
  }

  /** Stay near the newest picture. */
  #follow() {
    const video = this.#video;
    const { buffered } = video;
    if (!buffered.length) return;
    const start = buffered.start(buffered.length - 1);
    const behindS = end(buffered) - video.currentTime;
    if (!this.#follows || video.currentTime < start || behindS > FAR_S) {
      video.currentTime = Math.max(start, end(buffered) - NEAR_S);
      this.#follows = true;
    } else if (behindS > LATE_S) video.playbackRate = CATCH_UP;
    else if (behindS < NEAR_S) video.playbackRate = 1;
    if (video.paused) void video.play().catch(() => {});
  }

  /**
   * Forget what was shown longer ago; whether there was any. Always whole groups of pictures: with a keyframe that is
   * removed, a browser removes all up to the next one.
   *
   * @param {number} keptS
   */
  #trim(keptS) {
    const oldS = this.#keysS.filter((keyS) => keyS <= this.#video.currentTime - keptS).at(-1);
    if (!this.#buffer || this.#buffer.updating || !oldS || oldS === this.#keysS[0]) return false;
    this.#keysS = this.#keysS.filter((keyS) => keyS >= oldS);
    this.#buffer.remove(0, oldS - 0.001);
    return true;
  }
}

/** @param {TimeRanges} ranges */
function end(ranges) {
  return ranges.length ? ranges.end(ranges.length - 1) : 0;
}
