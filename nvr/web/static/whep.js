/** @import {Api} from "./api.js" */
/** @import {StreamRole} from "./types.js" */

/** Longest wait for the phone's own addresses: on a local network they are there within milliseconds. */
const GATHERING_MS = 500;

/**
 * One viewing of one stream by WHEP (WebRTC-HTTP egress: one POST with the offer, DELETE to leave), receiving
 * only. Not trickling: the offer carries all addresses that were found in time.
 */
export class WhepSession {
  #api;
  #video;
  #peer = new RTCPeerConnection({ iceServers: [] });
  /** @type {string | null} */
  #location = null;
  #closed = false;

  /** @param {Api} api @param {HTMLVideoElement} video */
  constructor(api, video) {
    this.#api = api;
    this.#video = video;
    this.#peer.addTransceiver("video", { direction: "recvonly" });
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

  get failed() {
    return this.#peer.connectionState === "failed" || this.#peer.connectionState === "closed";
  }

  /** Pictures decoded so far. */
  async framesDecoded() {
    for (const report of (await this.#peer.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video") return Number(report.framesDecoded ?? 0);
    }
    return 0;
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
