/** @import {Api} from "./api.js" */
/** @import {Hold, Holds} from "./types.js" */
import { span, stopwatch } from "./time.js";

/** The share of the room set aside from which staff are warned, as the appliance does. */
const WARN_SHARE = 0.8;

/**
 * Holds made together: of the same span, for the same case.
 *
 * @typedef {object} HoldGroup
 * @property {Hold} first
 * @property {Hold[]} holds one a camera
 * @property {number | null} bytes null: not known
 */

/** "2:30", "3 hours 12 minutes" @param {number} s */
export function lengthWords(s) {
  return s < 3600 ? stopwatch(s) : span(s);
}

/** @param {Api} api @param {AbortSignal} signal @returns {Promise<Holds>} */
export function loadHolds(api, signal) {
  return api.get("/api/holds", signal);
}

/**
 * Holds of several cameras that were made in one go, in the order of the list.
 *
 * @param {Hold[]} holds
 * @returns {HoldGroup[]}
 */
export function grouped(holds) {
  /** @type {Map<string, Hold[]>} */
  const groups = new Map();
  for (const hold of holds) {
    const { case: name, person, reason, start_s, end_s, expires_s, made_by } = hold;
    const key = JSON.stringify([name, person, reason, start_s, end_s, expires_s, made_by]);
    groups.set(key, [...(groups.get(key) ?? []), hold]);
  }
  return [...groups.values()].map((group) => ({
    first: /** @type {Hold} */ (group[0]),
    holds: [...group].reverse(), // as they were made
    bytes: group.reduce((/** @type {number | null} */ sum, { bytes }) => (sum === null || bytes == null ? null : sum + bytes), 0),
  }));
}

/** How full the room for holds is: 0 to 100, and whether that is a warning. @param {Holds} holds */
export function quotaShare({ held_bytes: held, quota_bytes: quota }) {
  const percent = quota > 0 ? Math.min(100, (held * 100) / quota) : 0;
  return { percent, isWarning: quota > 0 && held >= quota * WARN_SHARE };
}
