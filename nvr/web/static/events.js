/** @import {Api} from "./api.js" */
/** @import {Store} from "./store.js" */
import { pause } from "./element.js";
import { SseParser } from "./sse.js";

/** The appliance writes a comment line every 15 s; silence for longer means that the connection is dead. */
const SILENCE_S = 40;
const LONGEST_WAIT_S = 10;

/** Keeps the store up to date from GET /api/events, for as long as somebody is logged in. */
export class Events {
  #api;
  #store;
  #end = new AbortController();
  #wake = new AbortController();
  #heardMs = 0;

  /** @param {Api} api @param {Store} store */
  constructor(api, store) {
    this.#api = api;
    this.#store = store;
  }

  start() {
    const { signal } = this.#end;
    const check = () => {
      if (document.visibilityState === "visible") this.#hurry();
    };
    document.addEventListener("visibilitychange", check, { signal });
    window.addEventListener("online", check, { signal });
    void this.#keep(signal);
  }

  stop() {
    this.#end.abort();
    this.#wake.abort();
  }

  /** Back from the background, or the network came back: do not wait for a dead connection or a long pause. */
  #hurry() {
    const quietMs = performance.now() - this.#heardMs;
    if (this.#store.state.linked === false || quietMs > 20_000) this.#wake.abort();
  }

  /** @param {AbortSignal} signal */
  async #keep(signal) {
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const before = this.#heardMs;
      await this.#listen(this.#wake);
      if (signal.aborted) return;
      failures = this.#heardMs > before ? 0 : failures + 1;
      this.#store.set("linked", false);
      this.#wake = new AbortController();
      await pause(Math.min(LONGEST_WAIT_S, 2 ** failures / 2), this.#wake.signal);
    }
  }

  /** One connection, until it ends for whatever reason. @param {AbortController} life */
  async #listen(life) {
    let watchdog = setTimeout(() => life.abort(), SILENCE_S * 1000);
    try {
      const answer = await fetch("/api/events", {
        headers: { Accept: "text/event-stream" },
        signal: life.signal,
      });
      if (answer.status === 401) return this.#api.onSignedOut();
      if (!answer.ok || !answer.body) return;
      this.#store.set("linked", true);
      const parser = new SseParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        this.#heardMs = performance.now();
        clearTimeout(watchdog);
        watchdog = setTimeout(() => life.abort(), SILENCE_S * 1000);
        for (const { event, data } of parser.push(value)) this.#take(event, JSON.parse(data));
      }
    } catch {
      // Cut, refused or silent: `#keep` says so and connects again.
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** @param {string} event @param {any} data */
  #take(event, data) {
    if (event === "status") this.#store.setStatus(data);
    else if (event === "cameras") this.#store.set("cameras", data.cameras);
    else if (event === "alarm" || event === "incident") this.#store.set(event, data);
  }
}
