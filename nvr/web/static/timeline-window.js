/** Arithmetic of the timeline: windows, ticks, and what lies where. Times in seconds since 1970 UTC. */

/** @typedef {{centerS: number, spanS: number}} Window what is shown: `spanS` seconds around `centerS` */

export const MIN_SPAN_S = 20;
export const MAX_SPAN_S = 7 * 86400;
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];
const LEAST_PX = 64;

/** @param {number} spanS */
export function clampSpan(spanS) {
  return Math.min(MAX_SPAN_S, Math.max(MIN_SPAN_S, spanS));
}

/** @param {Window} view @param {number} x @param {number} width */
export function timeAt(view, x, width) {
  return view.centerS + (x / width - 0.5) * view.spanS;
}

/** @param {Window} view @param {number} s @param {number} width */
export function placeOf(view, s, width) {
  return ((s - view.centerS) / view.spanS + 0.5) * width;
}

/** Seconds between two marks of the scale that leave room for their words. @param {number} spanS @param {number} width */
export function tickStep(spanS, width) {
  const least = (spanS * LEAST_PX) / width;
  return STEPS_S.find((step) => step >= least) ?? 172800;
}

/**
 * Times of the scale's marks: whole hours of the site, not of UTC.
 *
 * @param {number} startS
 * @param {number} endS
 * @param {number} stepS
 * @param {number} offsetS the site's time minus UTC
 */
export function ticks(startS, endS, stepS, offsetS) {
  const times = [];
  let at = Math.ceil((startS + offsetS) / stepS) * stepS - offsetS;
  for (; at <= endS; at += stepS) times.push(at);
  return times;
}

/**
 * The interval (start, end, …) of a sorted list that holds a moment.
 *
 * @template {[number, number, ...unknown[]]} I
 * @param {I[]} intervals
 * @param {number} s
 * @returns {I | null}
 */
export function holding(intervals, s) {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((intervals[middle]?.[0] ?? 0) <= s) low = middle + 1;
    else high = middle;
  }
  const found = intervals[low - 1];
  return found && s < found[1] ? found : null;
}

/** Where the first interval after a moment starts. @param {[number, number][]} intervals @param {number} s */
export function nextStart(intervals, s) {
  return intervals.find(([start]) => start > s)?.[0] ?? null;
}

/** @typedef {[number, number]} Selection start and end of what is chosen on the timeline */

export const LEAST_SELECTION_S = 1;
export const MOST_SELECTION_S = 31 * 86400;

/**
 * A selection with its start (0) or end (1) at another moment; the other gives way if it must.
 *
 * @param {Selection} selection
 * @param {0 | 1} which
 * @param {number} s
 * @returns {Selection}
 */
export function withEnd([startS, endS], which, s) {
  if (which === 0) return [s, Math.min(Math.max(endS, s + LEAST_SELECTION_S), s + MOST_SELECTION_S)];
  return [Math.max(Math.min(startS, s - LEAST_SELECTION_S), s - MOST_SELECTION_S), s];
}

/**
 * Which end of a selection lies at a pixel, give or take `near`; null: neither.
 *
 * @param {Selection} selection
 * @param {Window} view
 * @param {number} x
 * @param {number} width
 * @param {number} near
 * @returns {0 | 1 | null}
 */
export function endAt([startS, endS], view, x, width, near) {
  const [left, right] = [placeOf(view, startS, width), placeOf(view, endS, width)];
  const [offLeft, offRight] = [Math.abs(x - left), Math.abs(x - right)];
  if (Math.min(offLeft, offRight) > near) return null;
  // Where they touch, each is drawn away from the other.
  return offLeft < offRight || (offLeft === offRight && x < left) ? 0 : 1;
}

/**
 * The mark nearest to a pixel, give or take `near`; null if there is none.
 *
 * @template {{start_s: number, end_s: number}} M
 * @param {M[]} marks
 * @param {Window} view
 * @param {number} x
 * @param {number} width
 * @param {number} near
 * @returns {M | null}
 */
export function markAt(marks, view, x, width, near) {
  let found = null;
  let least = near;
  for (const mark of marks) {
    const [left, right] = [placeOf(view, mark.start_s, width), placeOf(view, mark.end_s, width)];
    const off = x < left ? left - x : Math.max(0, x - right);
    if (off <= least) [found, least] = [mark, off];
  }
  return found;
}

/** Seconds that are shown before what one jumps to. */
export const LEAD_S = 3;

/**
 * Where to go to see the next (`direction` 1) or previous (-1) of some moments; null if there is none.
 *
 * @param {number[]} momentsS
 * @param {number} fromS
 * @param {1 | -1} direction
 */
export function neighbour(momentsS, fromS, direction) {
  const targets = momentsS.map((s) => s - LEAD_S).filter((s) => (s - fromS) * direction > 0.5);
  if (!targets.length) return null;
  return direction > 0 ? Math.min(...targets) : Math.max(...targets);
}
