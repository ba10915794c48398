import { h, say, svg } from "./dom.js";

/** A ring that empties while time runs out, with the seconds that are left in it. */
export class Ring {
  #seconds = h("span", { class: "ring-seconds" });
  #left = svg("circle", { class: "ring-left", cx: 60, cy: 60, r: 54, pathLength: 100, "stroke-dasharray": 100 });
  element = h(
    "div",
    { class: "ring", role: "timer" },
    svg("svg", { viewBox: "0 0 120 120", "aria-hidden": "true" }, svg("circle", { cx: 60, cy: 60, r: 54 }), this.#left),
    this.#seconds,
  );
  #endS = 0;
  #totalS = 1;

  /** Called several times a second; it is full when an end is first told of. @param {number} endS @param {number} nowS */
  follow(endS, nowS) {
    const leftS = Math.max(0, endS - nowS);
    if (endS !== this.#endS) this.#totalS = Math.max(1, leftS);
    this.#endS = endS;
    say(this.#seconds, String(Math.ceil(leftS)));
    this.#left.setAttribute("stroke-dashoffset", String(100 * (1 - leftS / this.#totalS)));
  }
}
