/** @import {Hold, Timeline, TimelineCamera} from "./types.js" */
/** @import {Selection} from "./timeline-window.js" */
import { fill, h } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { SCALE_PX, drawTimeline, rowHeight } from "./timeline-draw.js";
import { listenToGestures } from "./timeline-gestures.js";
import { clampSpan, endAt, markAt, timeAt, withEnd } from "./timeline-window.js";

/** Loaded on each side of what is shown, in windows, so that a drag finds something there. */
const MARGIN = 1;
const FRESH_S = 10;
const AGAIN_S = 3;
/** As near as a thumb comes. */
const MARK_PX = 12;
const HANDLE_PX = 24;

/**
 * The drawn timeline. What is shown is always in its middle; moving it is choosing another moment.
 */
export class NvrTimelineBar extends NvrElement {
  /** Ids of the cameras, a row each. @type {string[]} */
  cameras = [];
  /** The moment in the middle. */
  centerS = 0;
  spanS = 7200;
  /** While it is dragged (`done` false), and when a moment was chosen. @type {(atS: number, done: boolean) => void} */
  onChoose = () => {};
  /** The mark of an incident was tapped. @type {(id: number) => void} */
  onIncident = () => {};
  /** What is drawn as held, of any camera. @type {Hold[]} */
  holds = [];
  /** Chosen with two handles; null: there are none. @type {Selection | null} */
  selection = null;
  /** A handle was moved. */
  onSelect = () => {};
  /** @type {0 | 1} the handle in hand */
  #handle = 0;
  /** @type {Timeline | null} */
  #timeline = null;
  #askedFor = "";
  #asking = false;
  #askedMs = 0;
  #canvas = h("canvas", { class: "timeline-canvas", tabindex: 0, role: "slider" });
  #width = 0;

  build() {
    fill(this, this.#canvas);
    this.#canvas.setAttribute("aria-label", t("timeline.bar"));
    const moves = {
      drag: (/** @type {number} */ px) => this.#choose(this.centerS - (px / this.#width) * this.spanS, false),
      zoom: (/** @type {number} */ factor) => this.zoom(factor),
      tap: (/** @type {number} */ x, /** @type {number} */ y) => this.#tap(x, y),
      grab: (/** @type {number} */ x) => this.#grab(x),
      pull: (/** @type {number} */ x) => this.#pull(x),
      release: () => this.#choose(this.centerS, true),
    };
    listenToGestures(this.#canvas, moves, this.gone);
    const sizes = new ResizeObserver(() => this.draw());
    sizes.observe(this);
    this.gone.addEventListener("abort", () => sizes.disconnect());
    this.every(1, () => this.#refresh());
  }

  /** The window becomes so many times as long. @param {number} factor */
  zoom(factor) {
    this.spanS = clampSpan(this.spanS * factor);
    this.draw();
  }

  /** What is known of a camera around the middle; null while it is not loaded. @param {string} id */
  known(id) {
    return this.#timeline?.cameras.find((camera) => camera.id === id) ?? null;
  }

  /** Whether footage may lie on a disk that is away. */
  get partial() {
    return this.#timeline?.partial === true;
  }

  /** The span that `known` is about. */
  get loaded() {
    return this.#timeline && { startS: this.#timeline.start_s, endS: this.#timeline.end_s };
  }

  /** Show the window as it is now; what is missing of it is asked for. */
  draw() {
    const width = this.clientWidth;
    if (!width) return;
    const height = SCALE_PX + this.cameras.length * rowHeight(this.cameras.length);
    const scale = window.devicePixelRatio || 1;
    const canvas = this.#canvas;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      canvas.style.height = `${height}px`;
    }
    this.#width = width;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    drawTimeline(pen, {
      width,
      view: this,
      cameras: this.cameras.map((id) => this.known(id)),
      held: this.cameras.map((id) => this.holds.filter((hold) => hold.camera === id && !hold.expired)),
      selection: this.selection,
      time: this.app.time,
    });
    canvas.setAttribute("aria-valuenow", String(Math.round(this.centerS)));
    canvas.setAttribute("aria-valuetext", this.app.time.moment(this.centerS, this.app.store.nowS()));
    this.#refresh();
  }

  /** An incident's mark is opened, any other place gone to; on the scale everything is a place. @param {number} x @param {number} y */
  #tap(x, y) {
    const id = this.cameras[Math.floor((y - SCALE_PX) / rowHeight(this.cameras.length))];
    const marks = y < SCALE_PX || id === undefined ? [] : (this.known(id)?.incidents ?? []);
    const mark = markAt(marks, this, x, this.#width, MARK_PX);
    if (mark && !this.selection) return this.onIncident(mark.id);
    this.#choose(timeAt(this, x, this.#width), true);
  }

  /** @param {number} x */
  #grab(x) {
    const found = this.selection && endAt(this.selection, this, x, this.#width, HANDLE_PX);
    if (found === null) return false;
    this.#handle = found;
    return true;
  }

  /** @param {number} x */
  #pull(x) {
    if (!this.selection) return;
    const s = timeAt(this, Math.min(Math.max(x, 0), this.#width), this.#width);
    this.selection = withEnd(this.selection, this.#handle, s);
    this.draw();
    this.onSelect();
  }

  /** @param {number} atS @param {boolean} done */
  #choose(atS, done) {
    this.centerS = Math.min(atS, this.app.store.nowS());
    this.draw();
    this.onChoose(this.centerS, done);
  }

  #refresh() {
    if (this.#asking || !this.cameras.length || this.gone.aborted) return;
    const startS = this.centerS - this.spanS / 2;
    const endS = Math.min(this.centerS + this.spanS / 2, this.app.store.nowS());
    const ids = this.cameras.join(",");
    const has = this.#timeline;
    const ageS = (performance.now() - this.#askedMs) / 1000;
    const sharp = has && has.end_s - has.start_s < 8 * this.spanS;
    const whole = has && has.start_s <= startS && (endS <= has.end_s || ageS < FRESH_S);
    if (ids === this.#askedFor && sharp && whole) return;
    if (ids === this.#askedFor && !has && ageS < AGAIN_S) return;
    void this.#ask(ids, startS - MARGIN * this.spanS, Math.min(endS + MARGIN * this.spanS, this.app.store.nowS()));
  }

  /** @param {string} ids @param {number} startS @param {number} endS */
  async #ask(ids, startS, endS) {
    this.#asking = true;
    this.#askedMs = performance.now();
    if (ids !== this.#askedFor) this.#timeline = null;
    this.#askedFor = ids;
    const query = new URLSearchParams({
      cameras: ids,
      role: "sub",
      start_s: Math.max(0, startS).toFixed(3),
      end_s: Math.max(endS, startS + 1).toFixed(3),
    });
    try {
      const timeline = await this.app.api.get(`/api/timeline?${query}`, this.gone);
      if (ids === this.cameras.join(",")) this.#timeline = timeline;
    } catch {
      // Tried again; the players say what is wrong.
    }
    this.#asking = false;
    if (!this.gone.aborted) this.draw();
  }
}

customElements.define("nvr-timeline-bar", NvrTimelineBar);
