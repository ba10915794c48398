/** @import {CameraStock, Disk, Status} from "./types.js" */
import { t, tn } from "./i18n.js";
import { span } from "./time.js";

const DAY_S = 86400;
/** More is said as "more than". */
const MOST_DAYS = 3650;
/** A disk that holds less than this share of what it could is still filling up. */
const FULL_SHARE = 0.95;

/** The disks of a status answer, whichever way it lists them. @param {Status} status @returns {Disk[]} */
export function disksOf({ storage }) {
  if (Array.isArray(storage)) return storage;
  return "disks" in storage && Array.isArray(storage.disks) ? storage.disks : [storage];
}

/**
 * What is kept of each camera, on all disks together.
 *
 * @param {Status} status
 * @returns {Record<string, CameraStock>}
 */
export function stocksOf(status) {
  const { storage } = status;
  if (!Array.isArray(storage) && storage.cameras) return storage.cameras;
  /** @type {Record<string, CameraStock>} */
  const all = {};
  for (const disk of disksOf(status)) {
    for (const [id, stock] of Object.entries(disk.cameras ?? {})) {
      const other = all[id];
      all[id] = other ? together(other, stock) : stock;
    }
  }
  return all;
}

/** @param {CameraStock} one @param {CameraStock} other @returns {CameraStock} */
function together(one, other) {
  const oldest = [one.oldest_s, other.oldest_s].filter((s) => s !== null);
  return {
    bytes: one.bytes + other.bytes,
    oldest_s: oldest.length ? Math.min(...oldest) : null,
    days_kept: Math.max(one.days_kept, other.days_kept),
    days_possible: least([one.days_possible, other.days_possible]),
    days_min: Math.max(one.days_min ?? 0, other.days_min ?? 0),
  };
}

/**
 * In total: since when footage is kept, for how many days, and how many days fit (of the camera with the fewest).
 *
 * @param {Status} status
 * @returns {{oldestS: number | null, kept: number | null, possible: number | null}}
 */
export function totalOf(status) {
  const { storage } = status;
  const parts = Array.isArray(storage) ? storage : [storage];
  const oldest = parts.map((part) => part.oldest_s ?? null).filter((s) => s !== null);
  const kept = parts.map((part) => part.days_kept ?? null).filter((days) => days !== null);
  return {
    oldestS: oldest.length ? Math.min(...oldest) : null,
    kept: kept.length ? Math.max(...kept) : null,
    possible: least(parts.map((part) => part.days_possible ?? null)),
  };
}

/** @param {(number | null)[]} values */
function least(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? Math.min(...known) : null;
}

/** "23 days", "6 hours" @param {number} days */
export function daysWords(days) {
  if (days > MOST_DAYS) return t("storage.very_long");
  return days < 1 ? span(days * DAY_S) : tn("span.days", Math.floor(days));
}

/** "23 days kept"; a recorder that is new says since when it records. @param {number} kept @param {number | null} possible */
export function keptWords(kept, possible) {
  if (kept >= 1) return tn("storage.days", Math.floor(kept));
  const isNew = possible === null || kept < possible * FULL_SHARE;
  return t(isNew ? "storage.new" : "storage.short", { span: span(kept * DAY_S) });
}

/** Whether a camera's footage goes, or will go, before its minimum of days. @param {CameraStock} stock */
export function isBelowMinimum({ days_possible: possible, days_min: least = 0 }) {
  return least > 0 && possible !== null && possible < least;
}
