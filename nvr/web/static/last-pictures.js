/** @import {Store} from "./store.js" */

const WIDTH_PX = 384;
/** 10 MB. */
const MOST = 32;

/** @typedef {{canvas: HTMLCanvasElement, atS: number}} Picture a small one, and when it was on the screen */

/**
 * The last live picture of each camera, so that one that is opened again or was lost begins with something to see.
 * In memory alone; of cameras that this account may see no more, nothing is kept.
 */
export class LastPictures {
  #store;
  /** @type {Map<string, Picture>} the oldest first */
  #kept = new Map();

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
    store.watch(["cameras"], () => this.#prune(), new AbortController().signal);
  }

  /** @param {string} camera */
  of(camera) {
    return this.#kept.get(camera) ?? null;
  }

  /** What the video shows now. @param {string} camera @param {HTMLVideoElement} video */
  keep(camera, video) {
    if (!video.videoWidth) return;
    const canvas = document.createElement("canvas");
    canvas.width = Math.min(WIDTH_PX, video.videoWidth);
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    this.#kept.delete(camera);
    this.#kept.set(camera, { canvas, atS: this.#store.nowS() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
    this.#prune();
  }

  #prune() {
    const seen = new Set(this.#store.state.cameras?.map(({ id }) => id));
    for (const camera of [...this.#kept.keys()]) if (!seen.has(camera)) this.#kept.delete(camera);
  }
}
