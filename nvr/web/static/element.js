/** @import {App} from "./types.js" */
/** @import {State} from "./store.js" */

/** Base of the page's elements: what they share is given by `make`, and everything they started ends with them. */
export class NvrElement extends HTMLElement {
  /** @type {App} set by `make` before the element enters the page */
  app = /** @type {any} */ (undefined);
  #gone = new AbortController();

  connectedCallback() {
    this.#gone = new AbortController();
    this.build();
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.leave();
  }

  /** Aborts when the element leaves the page. */
  get gone() {
    return this.#gone.signal;
  }

  /** Fill the element; called each time it enters the page. */
  build() {}

  /** Release what `gone` does not end. */
  leave() {}

  /**
   * Call `then` now and whenever one of these parts of the state changes.
   *
   * @param {(keyof State)[]} keys
   * @param {() => void} then
   */
  watch(keys, then) {
    this.app.store.watch(keys, then, this.gone);
    then();
  }

  /**
   * Ask for a change of alarm or siren and show the answer. An event that came meanwhile is at least as new, and may
   * ring for an incident that the answer does not know: then the answer is dropped.
   *
   * @param {string} path
   * @param {object} [body]
   * @throws {import("./api.js").ApiError}
   */
  async order(path, body) {
    const { api, store } = this.app;
    const before = store.state.alarm;
    const answer = await api.post(path, body);
    if (store.state.alarm === before) store.set("alarm", answer);
  }

  /**
   * @param {number} seconds
   * @param {() => void} then
   */
  every(seconds, then) {
    const timer = setInterval(then, seconds * 1000);
    this.gone.addEventListener("abort", () => clearInterval(timer));
  }
}

/**
 * A new element of this class, with what it works with.
 *
 * @template {NvrElement} E
 * @param {new () => E} Type
 * @param {App} app
 * @param {string} [className]
 * @returns {E}
 */
export function make(Type, app, className) {
  const element = new Type();
  element.app = app;
  if (className) element.className = className;
  return element;
}

/**
 * Resolves after `seconds`, or at once when `signal` aborts.
 *
 * @param {number} seconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", done);
  });
}
