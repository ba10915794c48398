/** @import {FootagePart, StreamRole} from "./types.js" */
/** @import {Place} from "./footage-source.js" */
import { errorText } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { FootageSource } from "./footage-source.js";
import { t } from "./i18n.js";
import { mediaTime, wallTime } from "./nvr-footage.js";

/** A picture further off than this is sought; one that is less is caught up with, a little faster or slower. */
const OFF_S = 0.3;
const OFF_PAUSED_S = 0.02;
const CATCH_UP = 0.15;
const AHEAD_S = 20;

/** @typedef {"ready" | "waiting" | "none"} ReelState "none": there is no picture of this moment */

/** One camera's footage, following a clock that several of them share. */
export class NvrReel extends NvrElement {
  cameraId = "";
  /** @type {StreamRole} */
  role = "sub";
  /** Why there is no picture of a moment, in words. @type {(atS: number) => string} */
  why = () => "";
  /** Learnt while it plays; a guess until then. */
  frameS = 1 / 25;
  /** The one that is seen, and the one that prepares what follows. */
  #videos = /** @type {[HTMLVideoElement, HTMLVideoElement]} */ ([this.#video(), this.#video()]);
  #still = h("img", { class: "reel-still", alt: "", hidden: true });
  #cover = h("p", { class: "reel-cover", hidden: true });
  #name = h("p", { class: "reel-name" });
  #source = /** @type {FootageSource | null} */ (null);
  /** @type {FootagePart | null} */
  #part = null;
  #wantedStillS = /** @type {number | null} */ (null);
  #stillBusy = false;

  build() {
    const { api, store } = this.app;
    this.#source = new FootageSource(api, this.cameraId, this.role, () => store.nowS(), this.gone);
    fill(this, ...this.#videos, this.#still, this.#cover, this.#name);
    this.watch(["cameras"], () => say(this.#name, store.cameraName(this.cameraId)));
    const done = () => this.#stillDone();
    this.#still.addEventListener("load", done, { signal: this.gone });
    this.#still.addEventListener("error", done, { signal: this.gone });
  }

  leave() {
    for (const video of this.#videos) {
      video.removeAttribute("src");
      video.load(); // ends the download
    }
    this.#part = null;
  }

  /** Whether what is seen can also be heard. */
  get hasSound() {
    return Boolean(this.#part?.audio);
  }

  /** @param {boolean} muted */
  set muted(muted) {
    for (const video of this.#videos) video.muted = muted;
  }

  /** Wall time of the picture that is seen; null if there is none. */
  get shownS() {
    const [video] = this.#videos;
    return this.#part && !video.hidden && video.readyState >= 2 ? wallTime(this.#part, video.currentTime) : null;
  }

  /**
   * Show the moment; called many times a second.
   *
   * @param {number} wallS
   * @param {{speed: number, going: boolean, exact: boolean}} how `exact`: the very picture, for frame steps
   * @returns {ReelState}
   */
  follow(wallS, { speed, going, exact }) {
    const place = this.#source?.find(wallS) ?? null;
    if (place === null) return this.#nothing(wallS);
    if (place === "loading") return this.#wait();
    if (place === "unwritten") {
      this.#tell(this.why(wallS));
      return this.#wait();
    }
    const video = this.#open(place.part, wallS);
    if (video.error) {
      this.#tell(t("footage.cannot_play"));
      return "none";
    }
    this.#prepare(place, wallS, speed);
    if (video.readyState < 1 || video.seeking) return this.#wait();
    const wantedS = mediaTime(place.part, wallS);
    const off = wantedS - video.currentTime;
    const allowed = going || !exact ? Math.max(OFF_S, 0.2 * speed * Number(going)) : OFF_PAUSED_S;
    if (Math.abs(off) > allowed) {
      video.currentTime = wantedS;
      return this.#wait();
    }
    if (going) this.#run(video, speed * (1 + Math.max(-CATCH_UP, Math.min(CATCH_UP, off / speed))));
    else video.pause();
    if (video.readyState < (going ? 3 : 2)) return "waiting";
    video.hidden = false;
    if (this.#wantedStillS === null) this.#still.hidden = true;
    this.#tell("");
    return "ready";
  }

  /** A still of the moment until `follow` has the picture; null: none is wanted. @param {number | null} atS */
  preview(atS) {
    this.#wantedStillS = atS;
    if (atS === null || this.#stillBusy) return;
    this.#stillBusy = true;
    this.#still.dataset.atS = String(atS);
    this.#still.src = `/api/cameras/${encodeURIComponent(this.cameraId)}/picture?at_s=${atS}`;
  }

  /** While scrubbing over a moment that was not recorded. @param {number} atS */
  previewNothing(atS) {
    this.#wantedStillS = null;
    this.#nothing(atS);
  }

  /** Why no footage could be asked for, null if it could. */
  get error() {
    return this.#source?.error ?? null;
  }

  #stillDone() {
    this.#stillBusy = false;
    const wanted = this.#wantedStillS;
    if (wanted === null) return;
    const came = this.#still.naturalWidth > 0;
    this.#still.hidden = !came;
    if (came) this.#cover.hidden = true;
    if (String(wanted) !== this.#still.dataset.atS) this.preview(wanted);
  }

  /** @param {number} wallS @returns {ReelState} */
  #nothing(wallS) {
    const [video] = this.#videos;
    video.pause();
    video.hidden = true;
    this.#still.hidden = true;
    this.#tell(this.error ? errorText(this.error) : this.why(wallS));
    return "none";
  }

  /** @returns {ReelState} */
  #wait() {
    this.#videos[0].pause();
    return "waiting";
  }

  /** @param {string} words */
  #tell(words) {
    say(this.#cover, words);
    this.#cover.hidden = words === "";
  }

  /** The video that shows this part from now on. @param {FootagePart} part @param {number} wallS */
  #open(part, wallS) {
    const [seen, spare] = this.#videos;
    if (this.#part?.url === part.url) return seen;
    this.#part = part;
    if (spare.dataset.url === part.url) {
      this.#videos = [spare, seen];
      seen.hidden = true;
      seen.pause();
      return spare;
    }
    this.#load(seen, part, wallS);
    return seen;
  }

  /** @param {Place} place @param {number} wallS @param {number} speed */
  #prepare({ part, next }, wallS, speed) {
    this.#source?.prepare(wallS, AHEAD_S * speed);
    const [seen, spare] = this.#videos;
    if (!next || spare.dataset.url === next.url) return;
    if (part.duration_s - seen.currentTime > AHEAD_S * speed) return;
    // Parts begin with the keyframe before them: what is seen next is behind it.
    const end = wallTime(part, part.duration_s);
    this.#load(spare, next, Math.max(end, next.start_s));
  }

  /** @param {HTMLVideoElement} video @param {FootagePart} part @param {number} wallS */
  #load(video, part, wallS) {
    video.dataset.url = part.url;
    video.src = `${part.url}#t=${mediaTime(part, wallS).toFixed(3)}`;
  }

  /** @param {HTMLVideoElement} video @param {number} rate */
  #run(video, rate) {
    if (Math.abs(video.playbackRate - rate) > 0.01) video.playbackRate = rate;
    if (!video.paused) return;
    void video.play().catch(() => {}); // tried again with the next call
    this.#learnFrames(video);
  }

  /** @param {HTMLVideoElement} video */
  #learnFrames(video) {
    if (!("requestVideoFrameCallback" in video)) return;
    let last = Number.NaN;
    let left = 12;
    /** @type {VideoFrameRequestCallback} */
    const look = (_now, { mediaTime: at }) => {
      const frame = at - last;
      if (frame > 0.008 && frame < 1) this.frameS = left === 11 ? frame : Math.min(this.frameS, frame);
      last = at;
      if (--left > 0 && !video.paused) video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  #video() {
    const video = h("video", { playsinline: true, preload: "auto", hidden: true });
    video.muted = true;
    return video;
  }
}

customElements.define("nvr-reel", NvrReel);
