/** @import {Api} from "./api.js" */
/** @import {Readings} from "./live-transport.js" */
/** @import {StreamRole} from "./types.js" */

import { pause } from "./element.js";

/** Longest wait for the phone's own addresses: on a local network they are there within milliseconds. */
const GATHERING_MS = 500;

/**
 * One viewing of one stream by WHEP (WebRTC-HTTP egress: one POST with the offer, DELETE to leave), receiving
 * only. Not trickling: the offer carries all addresses that were found in time.
 */
export class WhepSession {
  #api;
  #peer = new RTCPeerConnection({ iceServers: [] });
  /** @type {string | null} */
  #location = null;
  #closed = false;

  /** @param {Api} api @param {HTMLVideoElement} video @param {boolean} withSound */
  constructor(api, video, withSound) {
    this.#api = api;
    this.#peer.addTransceiver("video", { direction: "recvonly" });
    if (withSound) this.#peer.addTransceiver("audio", { direction: "recvonly" });
    this.#peer.addEventListener("track", (event) => {
      if (!this.#closed) video.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    });
  }

  /**
   * @param {string} camera
   * @param {StreamRole} role
   * @param {AbortSignal} signal
   * @throws {import("./api.js").ApiError}
   */
  async open(camera, role, signal) {
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    await gathered(this.#peer);
    if (this.#closed) return;
    const answer = await this.#api.request(
      "POST",
      `/api/cameras/${encodeURIComponent(camera)}/live/${role}`,
      {
        body: this.#peer.localDescription?.sdp ?? "",
        type: "application/sdp",
        signal,
      },
    );
    this.#location = answer.headers.get("Location");
    const sdp = await answer.text();
    // Left while the appliance was answering: `close` did not know the address yet.
    if (this.#closed) return this.#leave();
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** @param {StreamRole} role @throws {import("./api.js").ApiError} */
  async show(role) {
    if (this.#location) await this.#api.post(`${this.#location}/stream`, { role });
  }

  /** Whether the connection came about within `seconds`. @param {number} seconds @param {AbortSignal} signal */
  async connected(seconds, signal) {
    const settled = new AbortController();
    const look = () => (this.failed || this.#peer.connectionState === "connected") && settled.abort();
    this.#peer.addEventListener("connectionstatechange", look);
    signal.addEventListener("abort", () => settled.abort());
    look();
    await pause(seconds, settled.signal);
    return this.#peer.connectionState === "connected";
  }

  get isFallback() {
    return false;
  }

  get failed() {
    return this.#peer.connectionState === "failed" || this.#peer.connectionState === "closed";
  }

  /** Pictures decoded so far. */
  async framesDecoded() {
    const { video } = await this.#reports();
    return Number(video?.framesDecoded ?? 0);
  }

  /** @returns {Promise<Readings>} */
  async readings() {
    const [{ video, pair, codec }, told] = await Promise.all([this.#reports(), this.#told()]);
    return {
      transport: "webrtc",
      atS: performance.now() / 1000,
      bytes: Number(video?.bytesReceived ?? 0),
      frames: Number(video?.framesDecoded ?? 0),
      codec: String(codec?.mimeType ?? "").replace("video/", ""),
      role: told?.role ?? null,
      packets: Number(video?.packetsReceived ?? 0),
      lost: Number(video?.packetsLost ?? 0),
      waitedS: Number(video?.jitterBufferDelay ?? 0) + Number(video?.totalDecodeTime ?? 0),
      roundTripS: pair?.currentRoundTripTime ?? null,
    };
  }

  async #reports() {
    const reports = await this.#peer.getStats();
    const all = /** @type {any[]} */ ([...reports.values()]);
    const video = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    const pair = all.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded");
    return { video, pair, codec: video && reports.get(video.codecId) };
  }

  /** What the appliance says of this viewing: the stream it shows may be another than was asked for. */
  async #told() {
    try {
      return this.#location ? await this.#api.get(this.#location) : null;
    } catch {
      return null;
    }
  }

  /** Leave; the picture that was shown last stays until another comes. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
  }

  #leave() {
    const location = this.#location;
    this.#location = null;
    // After logging out there is no session to speak for, and the appliance has ended this viewing with it.
    if (!location || !this.#api.csrf) return this.#peer.close();
    // First told, then closed: the appliance forgets a session whose connection ended, and would answer 404.
    this.#api
      .request("DELETE", location, { keepalive: true })
      .catch(() => {})
      .finally(() => this.#peer.close());
  }
}

/** @param {RTCPeerConnection} peer @returns {Promise<void>} */
function gathered(peer) {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") return resolve();
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, GATHERING_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState === "complete") done();
    });
  });
}
