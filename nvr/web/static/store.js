/** @import {Session, Camera, Alarm, Status, Incident} from "./types.js" */

/**
 * What the page knows of the appliance. A new value replaces the old one; nothing is changed in place.
 *
 * @typedef {object} State
 * @property {Session | null} session
 * @property {Camera[] | null} cameras null until the appliance told
 * @property {Alarm | null} alarm
 * @property {Status | null} status
 * @property {Incident | null} incident the latest new or changed incident
 * @property {boolean | null} linked whether events arrive; null before the first attempt ended
 */

export class Store {
  /** @type {State} */
  #state = { session: null, cameras: null, alarm: null, status: null, incident: null, linked: null };
  #changes = new EventTarget();
  #clockOffsetS = 0;

  get state() {
    return this.#state;
  }

  /**
   * @template {keyof State} K
   * @param {K} key
   * @param {State[K]} value
   */
  set(key, value) {
    this.#state = { ...this.#state, [key]: value };
    this.#changes.dispatchEvent(new Event(key));
  }

  /** @param {Status} status */
  setStatus(status) {
    this.#clockOffsetS = status.now_s - Date.now() / 1000;
    this.set("status", status);
  }

  /** The appliance's time: a phone's own clock may be wrong. */
  nowS() {
    return Date.now() / 1000 + this.#clockOffsetS;
  }

  /**
   * @param {(keyof State)[]} keys
   * @param {() => void} then
   * @param {AbortSignal} signal ends the watching
   */
  watch(keys, then, signal) {
    for (const key of keys) this.#changes.addEventListener(key, then, { signal });
  }

  /** @param {string} id */
  cameraName(id) {
    return this.#state.cameras?.find((camera) => camera.id === id)?.name ?? id;
  }

  /** Whether this account may arm, disarm, acknowledge and switch the siren. */
  get mayAct() {
    return this.may("guard");
  }

  /** Whether this account may do what needs that ability. @param {import("./types.js").Ability} ability */
  may(ability) {
    return this.#state.session?.may.includes(ability) ?? false;
  }

  /** Forget everything that only an account may know. */
  clear() {
    for (const key of /** @type {(keyof State)[]} */ (Object.keys(this.#state))) this.set(key, null);
  }
}
