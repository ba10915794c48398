/** @import {Explanation} from "./types.js" */

/**
 * Where things are in the picture of an explanation, in units of its width and height. `before_s`: seconds before it
 * was certain.
 *
 * @typedef {object} Plot
 * @property {{x: number, y: number, score: number | null, isCounted: boolean}[]} dots
 * @property {string} path of the evidence, as SVG writes it
 * @property {number} certainY
 * @property {number} zeroY
 * @property {{x: number, beforeS: number}[]} ticks
 */

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];
const MOST_TICKS = 4;

/**
 * @param {Explanation} explanation
 * @param {{left: number, right: number, top: number, bottom: number}} frame of the evidence
 * @returns {Plot}
 */
export function plotOf({ examined, certain_at: certainAt, counted }, { left, right, top, bottom }) {
  const startS = examined[0]?.before_s ?? 0;
  const least = Math.min(0, ...examined.map(({ evidence }) => evidence));
  const most = Math.max(certainAt, ...examined.map(({ evidence }) => evidence));
  const x = (/** @type {number} */ beforeS) => right - (startS > 0 ? (beforeS / startS) * (right - left) : 0);
  const y = (/** @type {number} */ evidence) =>
    bottom - (most > least ? ((evidence - least) / (most - least)) * (bottom - top) : 0);
  const dots = examined.map((one, n) => ({
    x: x(one.before_s),
    y: y(one.evidence),
    score: one.score,
    isCounted: counted.includes(n),
  }));
  const path = dots.map((dot, n) => `${n ? "L" : "M"}${dot.x.toFixed(1)} ${dot.y.toFixed(1)}`).join("");
  const step = STEPS_S.find((one) => startS / one <= MOST_TICKS) ?? startS;
  const ticks = [];
  for (let n = 0; step > 0 && n * step <= startS + 1e-6; n += 1) ticks.push({ x: x(n * step), beforeS: n * step });
  return { dots, path, certainY: y(certainAt), zeroY: y(0), ticks };
}
