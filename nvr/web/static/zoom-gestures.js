/** @import {Zoom} from "./zoom.js" */
import { WHOLE, moved, within, zoomed } from "./zoom.js";

const WHEEL = 1.0015;
const DOUBLE_TAP = 2.5;
const TAP_PX = 10;
const DOUBLE_MS = 300;

/** Pinch, wheel, double tap and drag magnify `picture` within `frame`; `changed` is called with each change. */
export class Magnifier {
  #frame;
  #picture;
  #changed;
  #zoom = WHOLE;
  /** @type {Map<number, {x: number, y: number}>} where each finger is */
  #fingers = new Map();
  #moved = 0;
  #tap = { atMs: Number.NEGATIVE_INFINITY, x: 0, y: 0 };

  /**
   * @param {HTMLElement} frame
   * @param {HTMLElement} picture
   * @param {(scale: number) => void} changed
   * @param {AbortSignal} signal
   */
  constructor(frame, picture, changed, signal) {
    this.#frame = frame;
    this.#picture = picture;
    this.#changed = changed;
    const up = (/** @type {PointerEvent} */ event) => this.#up(event);
    frame.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    frame.addEventListener("pointermove", (event) => this.#move(event), { signal });
    frame.addEventListener("pointerup", up, { signal });
    frame.addEventListener("pointercancel", up, { signal });
    frame.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    const watcher = new ResizeObserver(() => this.#set(within(this.#zoom, this.#size())));
    watcher.observe(frame);
    signal.addEventListener("abort", () => watcher.disconnect());
    this.#set(WHOLE);
  }

  get scale() {
    return this.#zoom.scale;
  }

  reset() {
    this.#set(WHOLE);
  }

  /** Around the middle. @param {number} factor */
  by(factor) {
    const { width, height } = this.#size();
    this.#set(zoomed(this.#zoom, factor, { x: width / 2, y: height / 2 }, { width, height }));
  }

  /** By parts of the frame. @param {number} right @param {number} down */
  go(right, down) {
    const { width, height } = this.#size();
    this.#set(moved(this.#zoom, { x: -right * width, y: -down * height }, { width, height }));
  }

  #size() {
    return { width: this.#frame.clientWidth, height: this.#frame.clientHeight };
  }

  /** @param {{clientX: number, clientY: number}} event */
  #point({ clientX, clientY }) {
    const { left, top } = this.#frame.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    this.#fingers.set(event.pointerId, this.#point(event));
    this.#moved = this.#fingers.size === 1 ? 0 : Number.POSITIVE_INFINITY; // a pinch is no tap
    if (this.#fingers.size > 1 || this.scale > 1) this.#frame.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.#fingers.set(event.pointerId, now);
    const by = { x: now.x - before.x, y: now.y - before.y };
    if (!other) {
      this.#moved += Math.hypot(by.x, by.y);
      return this.#set(moved(this.#zoom, by, this.#size()));
    }
    const [was, is] = [distance(before, other), distance(now, other)];
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const drawn = moved(this.#zoom, { x: by.x / 2, y: by.y / 2 }, this.#size());
    this.#set(was > 10 && is > 10 ? zoomed(drawn, is / was, middle, this.#size()) : drawn);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.#fingers.delete(event.pointerId) || this.#fingers.size) return;
    if (event.type !== "pointerup" || this.#moved > TAP_PX) return;
    const point = this.#point(event);
    const isSecond = event.timeStamp - this.#tap.atMs < DOUBLE_MS && distance(point, this.#tap) < 3 * TAP_PX;
    this.#tap = isSecond ? { ...point, atMs: Number.NEGATIVE_INFINITY } : { ...point, atMs: event.timeStamp };
    if (isSecond) this.#set(this.scale > 1 ? WHOLE : zoomed(WHOLE, DOUBLE_TAP, point, this.#size()));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (this.scale === 1 && event.deltaY > 0) return; // the page scrolls on
    event.preventDefault();
    this.#set(zoomed(this.#zoom, WHEEL ** -event.deltaY, this.#point(event), this.#size()));
  }

  /** @param {Zoom} zoom */
  #set(zoom) {
    const { scale } = this.#zoom;
    this.#zoom = zoom;
    this.#picture.style.transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
    this.#frame.classList.toggle("is-zoomed", zoom.scale > 1);
    if (scale !== zoom.scale) this.#changed(zoom.scale);
  }
}

/** @param {{x: number, y: number}} one @param {{x: number, y: number}} other */
function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
