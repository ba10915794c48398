/** @import {Explanation, SeenObject} from "./types.js" */
import { fill, h, svg } from "./dom.js";
import { NvrElement } from "./element.js";
import { plotOf } from "./evidence-plot.js";
import { decimal, percent, t, tn } from "./i18n.js";

const WIDTH = 340;
const HEIGHT = 150;
const FRAME = { left: 16, right: WIDTH - 16, top: 26, bottom: HEIGHT - 26 };
/** With more pictures than this the scores of all would cover each other. */
const MOST_SCORES = 9;

/** Why the appliance is certain: how the evidence rose, and the pictures that counted. */
export class NvrEvidence extends NvrElement {
  /** @type {SeenObject | null} */
  #seen = null;

  /** @param {SeenObject} seen */
  show(seen) {
    if (JSON.stringify(seen.explanation) === JSON.stringify(this.#seen?.explanation) && seen.frames === this.#seen?.frames)
      return;
    this.#seen = seen;
    const { explanation } = seen;
    this.hidden = !explanation || !explanation.examined.length;
    if (this.hidden || !explanation) return fill(this);
    // Shape and way have no scores: a score of 0 would look like an error.
    const byWay = explanation.by_way === true;
    const after = { seconds: decimal(explanation.after_s) };
    const words = byWay ? tn("evidence.way", explanation.pictures, after) : tn("evidence.certain", explanation.pictures, after);
    fill(
      this,
      h("h2", null, t(byWay ? "evidence.way_title" : "evidence.title")),
      h("p", { class: "evidence-words" }, words),
      plot(explanation, words),
      h(
        "p",
        { class: "evidence-legend dim small" },
        h("span", null, h("span", { class: "mark seen" }), t(byWay ? "evidence.way_seen" : "evidence.seen")),
        h("span", null, h("span", { class: "mark missed" }), t(byWay ? "evidence.way_missed" : "evidence.missed")),
      ),
      seen.frames ? strip(seen.frames, explanation) : null,
    );
  }
}

/** @param {Explanation} explanation @param {string} words */
function plot(explanation, words) {
  const { dots, path, certainY, zeroY, ticks } = plotOf(explanation, FRAME);
  const seen = dots.filter(({ score }) => score !== null);
  return svg(
    "svg",
    { class: "evidence-plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("line", { class: "zero", x1: FRAME.left, x2: FRAME.right, y1: zeroY, y2: zeroY }),
    svg("line", { class: "certain", x1: 0, x2: WIDTH, y1: certainY, y2: certainY }),
    svg("text", { class: "certain", x: 2, y: certainY - 6 }, t("evidence.line")),
    svg("path", { class: "course", d: path }),
    dots.map((dot) =>
      svg("circle", {
        class: dot.score === null ? "missed" : dot.isCounted ? "seen counted" : "seen",
        cx: dot.x,
        cy: dot.y,
        r: dot.score === null ? 4 : 3 + 3 * dot.score,
      }),
    ),
    seen.length <= MOST_SCORES && !explanation.by_way
      ? seen.map((dot) =>
          svg(
            "text",
            {
              class: "score",
              x: Math.min(Math.max(dot.x, 14), WIDTH - 14),
              y: dot.y - FRAME.top < 12 ? dot.y + 19 : dot.y - 10,
              "text-anchor": "middle",
            },
            percent(dot.score ?? 0),
          ),
        )
      : null,
    ticks.flatMap(({ x, beforeS }) => [
      svg("line", { class: "tick", x1: x, x2: x, y1: FRAME.bottom + 4, y2: FRAME.bottom + 8 }),
      svg("text", { class: "tick", y: HEIGHT - 4, ...anchored(x) }, before(beforeS)),
    ]),
  );
}

/** Words under a place, moved inwards at the edges. @param {number} x */
function anchored(x) {
  if (x < 40) return { x: 4, "text-anchor": "start" };
  return x > WIDTH - 40 ? { x: WIDTH - 4, "text-anchor": "end" } : { x, "text-anchor": "middle" };
}

/** @param {string} frames @param {Explanation} explanation */
function strip(frames, explanation) {
  const { counted, examined } = explanation;
  const captions = counted.map((n) => {
    const one = examined[n];
    return h("span", null, one ? before(one.before_s) : "", one && !explanation.by_way ? h("b", null, percent(one.score ?? 0)) : null);
  });
  const row = h("div", { class: "frames-row" }, captions);
  row.style.gridTemplateColumns = `repeat(${counted.length}, 1fr)`;
  const figure = h(
    "figure",
    { class: "frames" },
    h("img", { src: frames, alt: tn("evidence.frames", counted.length), loading: "lazy", decoding: "async" }),
    row,
  );
  figure.style.maxWidth = `${counted.length * 112}px`;
  return figure;
}

/** @param {number} beforeS */
function before(beforeS) {
  return t("evidence.before", { seconds: beforeS ? `−${decimal(beforeS)}` : "0" });
}

customElements.define("nvr-evidence", NvrEvidence);
