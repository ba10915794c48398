/** @import {Footage, FootagePart, StreamRole} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, pause } from "./element.js";
import { AUDIO } from "./footage-source.js";
import { t } from "./i18n.js";
import { size } from "./time.js";

/** The appliance commits footage within 2 s; longer waits mean that the stream was down. */
const COMMIT_S = 6;
const RETRY_S = 2;
/** Shorter holes are the joints between pictures. */
const GAP_S = 1;
/** While the footage grows, the player is not opened anew for less: it flickers. */
const WORTH_REOPENING_S = 15;

/**
 * Wall time of a position in a part.
 *
 * @param {FootagePart} part
 * @param {number} mediaS
 */
export function wallTime(part, mediaS) {
  let wall = part.start_s + mediaS;
  for (const [media, at] of part.media_to_wall) {
    if (media <= mediaS + 1e-3) wall = at + mediaS - media;
  }
  return wall;
}

/**
 * Position in a part of a wall time, within the part.
 *
 * @param {FootagePart} part
 * @param {number} wallS
 */
export function mediaTime(part, wallS) {
  let media = 0;
  for (const [at, wall] of part.media_to_wall) {
    if (wall <= wallS) media = at + wallS - wall;
  }
  return Math.min(Math.max(0, media), Math.max(0, part.duration_s - 0.1));
}

/**
 * Seconds of a span that were not recorded.
 *
 * @param {[number, number][]} covered
 * @param {number} startS
 * @param {number} endS
 */
export function missing(covered, startS, endS) {
  let at = startS;
  let gaps = 0;
  for (const [from, to] of covered) {
    if (from - at > GAP_S) gaps += from - at;
    at = Math.max(at, to);
  }
  return endS - at > GAP_S ? gaps + endS - at : gaps;
}

/** Plays the recorded footage of a span, part after part; waits while its last seconds are not yet on the disk. */
export class NvrFootage extends NvrElement {
  #video = h("video", { class: "footage", controls: true, playsinline: true, preload: "metadata" });
  #words = h("p", { class: "dim", role: "status" });
  #clock = h("p", { class: "footage-clock" });
  #tools = h("div", { class: "tools" });
  #asked = "";
  #momentS = 0;
  /** @type {FootagePart[]} */
  #parts = [];
  #at = 0;
  /** Wall time of the end of what is in the player. */
  #untilS = 0;
  #offered = "";

  build() {
    const listening = { signal: this.gone };
    fill(this, this.#video, this.#clock, this.#words, this.#tools);
    this.#video.hidden = true;
    this.#video.muted = true; // its own controls offer sound where there is some
    this.#video.addEventListener("timeupdate", () => this.#tell(), listening);
    this.#video.addEventListener("loadedmetadata", () => this.#tell(), listening);
    this.#video.addEventListener("ended", () => this.#next(), listening);
    this.#video.addEventListener("error", () => say(this.#words, t("footage.cannot_play")), listening);
  }

  leave() {
    this.#video.removeAttribute("src");
    this.#video.load(); // ends the download
  }

  /**
   * @param {string} camera
   * @param {{role: StreamRole, start_s: number, end_s: number}} span
   * @param {number} momentS what the span is about
   */
  show(camera, span, momentS) {
    const asked = JSON.stringify([camera, span]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#momentS = momentS;
    void this.#load(camera, span, asked);
  }

  /** @param {string} camera @param {{role: StreamRole, start_s: number, end_s: number}} span @param {string} asked */
  async #load(camera, span, asked) {
    for (;;) {
      /** @type {Footage} */
      let footage = { parts: [], covered: [] };
      try {
        footage = await this.#fetch(camera, span);
      } catch (error) {
        if (this.gone.aborted || asked !== this.#asked) return;
        say(this.#words, errorText(error));
        return this.#offerRetry(camera, span, asked);
      }
      if (this.gone.aborted || asked !== this.#asked) return;
      const lastS = footage.covered.at(-1)?.[1] ?? 0;
      const growing = lastS < span.end_s - GAP_S && this.app.store.nowS() < span.end_s + COMMIT_S;
      const untouched = this.#video.paused && this.#video.currentTime < 0.5;
      const more = lastS - this.#untilS > (growing ? WORTH_REOPENING_S : 0);
      if (footage.parts.length && more && (untouched || !growing)) this.#take(footage);
      if (!growing) return this.#conclude(footage, span);
      say(this.#words, t("footage.still_recording"));
      this.#offer();
      await pause(RETRY_S, this.gone);
      if (this.gone.aborted || asked !== this.#asked) return;
    }
  }

  /**
   * The footage of the stream that was asked for, or of the camera's other one if this browser can play only that
   * (few play H.265).
   *
   * @param {string} camera
   * @param {{role: StreamRole, start_s: number, end_s: number}} span
   * @returns {Promise<Footage>}
   */
  async #fetch(camera, { role, start_s, end_s }) {
    const query = new URLSearchParams({ start_s: String(start_s), end_s: String(end_s), audio: AUDIO });
    /** @param {StreamRole} which @returns {Promise<Footage>} */
    const get = (which) =>
      this.app.api.get(`/api/cameras/${encodeURIComponent(camera)}/footage/${which}?${query}`, this.gone);
    const footage = await get(role);
    const other = role === "main" ? "sub" : "main";
    const known = this.app.store.state.cameras?.find(({ id }) => id === camera);
    if (this.#canPlay(footage) || !known?.streams[other]) return footage;
    const instead = await get(other);
    return instead.parts.length && this.#canPlay(instead) ? instead : footage;
  }

  /** @param {Footage} footage */
  #canPlay({ parts }) {
    return parts.every((part) => this.#video.canPlayType(part.content_type) !== "");
  }

  /** @param {string} camera @param {{role: StreamRole, start_s: number, end_s: number}} span @param {string} asked */
  #offerRetry(camera, span, asked) {
    const again = () => void this.#load(camera, span, asked);
    this.#offered = "";
    fill(this.#tools, h("button", { type: "button", class: "button quiet", onclick: again }, t("try_again")));
  }

  /** Show these parts, from where the viewer is if something plays already. @param {Footage} footage */
  #take(footage) {
    const playing = this.#parts[this.#at];
    const wallS = playing && this.#video.currentTime > 0 ? wallTime(playing, this.#video.currentTime) : null;
    const went = !this.#video.paused;
    this.#parts = footage.parts;
    this.#untilS = footage.covered.at(-1)?.[1] ?? 0;
    this.#video.hidden = !this.#canPlay(footage);
    if (this.#video.hidden) return;
    if (wallS === null) return this.#open(0, null, false);
    // Opened anew even under the same address: the part may have grown.
    const { index, mediaS } = this.#find(wallS);
    this.#open(index, mediaS, went);
  }

  /** @param {Footage} footage @param {{start_s: number, end_s: number}} span */
  #conclude(footage, span) {
    const { parts } = footage;
    if (!parts.length) {
      this.#video.hidden = true;
      say(this.#words, t("footage.none"));
      this.#offered = "";
      return fill(this.#tools);
    }
    const gap = missing(footage.covered, span.start_s, span.end_s);
    const gapWords = gap ? t("footage.gap", { seconds: Math.round(gap) }) : "";
    say(this.#words, this.#canPlay(footage) ? gapWords : t("footage.cannot_play"));
    this.#offer();
  }

  /** What can be done with the footage in the player. */
  #offer() {
    const offered = JSON.stringify(this.#parts);
    // Not rebuilt for nothing: a tap on a button that is replaced meanwhile is lost.
    if (!this.#parts.length || offered === this.#offered) return;
    this.#offered = offered;
    const jump = h(
      "button",
      { type: "button", class: "button quiet", onclick: () => this.#seek(this.#momentS - 1, true) },
      icon("eye"),
      t("footage.jump"),
    );
    const links = this.#parts.map((part, i) =>
      h(
        "a",
        { class: "button quiet", href: `${part.url.replace(`&audio=${AUDIO}`, "")}&download=1`, download: true },
        icon("download"),
        this.#parts.length === 1
          ? t("footage.download", { size: size(part.bytes) })
          : t("footage.download_part", { part: i + 1, size: size(part.bytes) }),
      ),
    );
    fill(this.#tools, !this.#video.hidden && jump, links);
  }

  /** @param {number} index @param {number | null} mediaS @param {boolean} play */
  #open(index, mediaS, play) {
    const part = this.#parts[index];
    if (!part) return;
    this.#at = index;
    const from = mediaS === null ? "" : `#t=${mediaS.toFixed(2)}`;
    this.#video.src = part.url + from;
    if (play) void this.#video.play().catch(() => {}); // the browser may want a tap first: the control is there
  }

  /** @param {number} wallS */
  #find(wallS) {
    const index = Math.max(0, this.#parts.filter((part) => part.start_s <= wallS).length - 1);
    const part = this.#parts[index];
    return { index, mediaS: part ? mediaTime(part, wallS) : 0 };
  }

  /** @param {number} wallS @param {boolean} play */
  #seek(wallS, play) {
    const { index, mediaS } = this.#find(wallS);
    if (index !== this.#at) return this.#open(index, mediaS, play);
    this.#video.currentTime = mediaS;
    if (play) void this.#video.play().catch(() => {});
  }

  #next() {
    if (this.#at + 1 < this.#parts.length) this.#open(this.#at + 1, null, true);
  }

  /** The time of day in the picture: what the player's own bar does not know. */
  #tell() {
    const part = this.#parts[this.#at];
    if (!part) return;
    const count = this.#parts.length;
    const clock = t("footage.clock", { time: this.app.time.clock(wallTime(part, this.#video.currentTime)) });
    say(this.#clock, count === 1 ? clock : `${clock} · ${t("footage.part", { part: this.#at + 1, count })}`);
  }
}

customElements.define("nvr-footage", NvrFootage);
