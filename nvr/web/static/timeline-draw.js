/** @import {Hold, TimelineCamera} from "./types.js" */
/** @import {SiteTime} from "./time.js" */
/** @import {Selection, Window} from "./timeline-window.js" */
import { placeOf, tickStep, ticks } from "./timeline-window.js";

export const SCALE_PX = 26;
const ROW_PX = 30;
/** Where three or four rows leave a phone's screen to the pictures. */
const LOW_ROW_PX = 24;
const HELD_PX = 4;
const KNOB_PX = 12;
const LEAST_PX = 2;
const MOTION_PX = 7;
const COLOURS = {
  ground: "#0d1216",
  row: "#1a2228",
  line: "#313d47",
  words: "#a4b2bd",
  footage: "#2c7f6a",
  motion: "#8fe6cb",
  gap: "#7a3a35",
  gapLine: "#ff8f85",
  held: "#8ab6ff",
  chosen: "rgb(138 182 255 / 30%)",
  head: "#ffffff",
  record: "#dfe7ec",
  call: "#f3b545",
  warn: "#f3b545",
  siren: "#ff6b61",
};

/** Height of a camera's row. @param {number} count of cameras */
export function rowHeight(count) {
  return count > 2 ? LOW_ROW_PX : ROW_PX;
}

/**
 * Draw everything: a row for each camera under the scale, the moment that is shown in the middle, what is held and
 * what is chosen to be held.
 *
 * @param {CanvasRenderingContext2D} pen with one unit a CSS pixel
 * @param {{width: number, view: Window, cameras: (TimelineCamera | null)[], held: Hold[][], selection: Selection | null,
 *   time: SiteTime}} what `held`: of each camera
 */
export function drawTimeline(pen, { width, view, cameras, held, selection, time }) {
  const tall = rowHeight(cameras.length);
  const height = SCALE_PX + cameras.length * tall;
  pen.fillStyle = COLOURS.ground;
  pen.fillRect(0, 0, width, height);
  cameras.forEach((camera, i) => {
    const top = SCALE_PX + i * tall;
    drawRow(pen, view, width, { top, high: tall - 4 }, camera, held[i] ?? []);
  });
  drawScale(pen, view, width, height, time);
  if (selection) drawSelection(pen, view, width, height, selection);
  pen.fillStyle = COLOURS.head;
  pen.fillRect(width / 2 - 1, 0, 2, height);
}

/** @param {CanvasRenderingContext2D} pen @param {Window} view @param {number} width @param {number} height @param {Selection} selection */
function drawSelection(pen, view, width, height, [startS, endS]) {
  const [left, right] = [placeOf(view, startS, width), placeOf(view, endS, width)];
  pen.fillStyle = COLOURS.chosen;
  pen.fillRect(left, SCALE_PX, right - left, height - SCALE_PX);
  pen.fillStyle = COLOURS.held;
  for (const [x, away] of /** @type {[number, number][]} */ ([[left, -1], [right, 1]])) {
    pen.fillRect(x - 1, 0, 2, height);
    pen.beginPath();
    pen.roundRect(away < 0 ? x - KNOB_PX : x, 2, KNOB_PX, SCALE_PX - 4, 4);
    pen.fill();
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Window} view @param {number} width @param {{top: number, high: number}} row @param {TimelineCamera | null} camera @param {Hold[]} held */
function drawRow(pen, view, width, { top, high }, camera, held) {
  pen.fillStyle = COLOURS.row;
  pen.fillRect(0, top + 2, width, high);
  if (!camera) return;
  /** @param {number} startS @param {number} endS @param {string} colour @param {number} y @param {number} tall */
  const bar = (startS, endS, colour, y, tall) => {
    const left = placeOf(view, startS, width);
    const right = placeOf(view, endS, width);
    if (right < 0 || left > width) return;
    pen.fillStyle = colour;
    pen.fillRect(left, y, Math.max(right - left, LEAST_PX), tall);
  };
  for (const [start, end] of camera.spans) bar(start, end, COLOURS.footage, top + 2, high);
  for (const [start, end] of camera.motion) bar(start, end, COLOURS.motion, top + 2 + high - MOTION_PX, MOTION_PX);
  for (const [start, end] of camera.gaps) {
    bar(start, end, COLOURS.gap, top + 2, high);
    bar(start, end, COLOURS.gapLine, top + 2 + high / 2 - 1, 2);
  }
  for (const { start_s: start, end_s: end, response } of camera.incidents) {
    bar(start, Math.max(end, start), COLOURS[response], top + 2, high - MOTION_PX - 2);
  }
  for (const { start_s: start, end_s: end } of held) bar(start, end, COLOURS.held, top + 2, HELD_PX);
}

/** @param {CanvasRenderingContext2D} pen @param {Window} view @param {number} width @param {number} height @param {SiteTime} time */
function drawScale(pen, view, width, height, time) {
  const startS = view.centerS - view.spanS / 2;
  const endS = view.centerS + view.spanS / 2;
  const step = tickStep(view.spanS, width);
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const at of ticks(startS - step, endS + step, step, time.offsetS(view.centerS))) {
    const x = placeOf(view, at, width);
    pen.fillStyle = COLOURS.line;
    pen.fillRect(x, SCALE_PX - 5, 1, height);
    const isMidnight = (at + time.offsetS(at)) % 86400 === 0;
    pen.fillStyle = isMidnight ? COLOURS.head : COLOURS.words;
    const words = isMidnight ? time.dayMonth(at) : step < 60 ? time.clock(at) : time.hourMinute(at);
    pen.fillText(words, x, SCALE_PX / 2 - 2);
  }
}
