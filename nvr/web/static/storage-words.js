/** @import {CameraStock} from "./types.js" */
import { t, tn } from "./i18n.js";
import { span } from "./time.js";

const DAY_S = 86400;
/** More is said as "more than". */
const MOST_DAYS = 3650;
/** A disk that holds less than this share of what it could is still filling up. */
const FULL_SHARE = 0.95;

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
