/** Building DOM without HTML strings: everything that comes from outside becomes text, never markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `onclick` and its like become listeners, `true` an empty attribute, `false` and null none.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...present(children));
  return element;
}

/**
 * Replace what is in `parent`.
 *
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/**
 * Write `text` only where it differs, so that a screen reader is not told the same thing twice.
 *
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function present(children) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    nodes.push(child instanceof Node ? child : String(child));
  }
  return nodes;
}

/** Line drawings on a 24 x 24 grid. */
export const PATHS = {
  alert: ["M12 3.5 22 20.5H2z", "M12 10v4.5", "M12 17.4v.2"],
  back: ["M14.5 5 7.5 12l7 7"],
  bell: ["M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15z", "M10 21h4"],
  calendar: ["M4 6h16v14H4z", "M4 10.5h16", "M8 3.5V7", "M16 3.5V7"],
  check: ["M4.5 12.5 10 18 19.5 6.5"],
  copy: ["M8.5 8.5H20V20H8.5z", "M15.5 8.5V4H4v11.5h4.5"],
  cross: ["M6 6l12 12", "M18 6L6 18"],
  download: ["M12 4v11", "M7 10.5l5 5 5-5", "M4.5 20h15"],
  edit: ["M4.5 19.5 5.5 15 15.5 5l3.5 3.5L9 18.5z", "M13.5 7l3.5 3.5"],
  expand: ["M4 9V4h5", "M15 4h5v5", "M20 15v5h-5", "M9 20H4v-5"],
  eye: [
    "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z",
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  ],
  globe: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M3 12h18", "M12 3c4 4.5 4 13.5 0 18", "M12 3c-4 4.5-4 13.5 0 18"],
  info: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 11v5.5", "M12 7.5v.2"],
  disk: ["M4 5h16v6H4z", "M4 13h16v6H4z", "M7.5 8v.2", "M7.5 16v.2"],
  lock: ["M5.5 11h13v9h-13z", "M8.5 11V7.5a3.5 3.5 0 0 1 7 0V11"],
  list: ["M4 5h5v5H4z", "M4 14h5v5H4z", "M13 6h7", "M13 9h5", "M13 15h7", "M13 18h5"],
  live: ["M3 6.5h12v11H3z", "M15 10.5l6-3.5v10l-6-3.5z"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  mute: ["M4 9.5v5h3.5L12 19V5L7.5 9.5z", "M16 9.5l5 5", "M21 9.5l-5 5"],
  minus: ["M5 12h14"],
  nextMark: ["M5 5l9 7-9 7z", "M18 5v14"],
  pause: ["M8 5v14", "M16 5v14"],
  photo: ["M3.5 7.5H8l1.5-2.5h5L16 7.5h4.5v12h-17z", "M12 10a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6z"],
  play: ["M7 4.5l12 7.5-12 7.5z"],
  playback: ["M4.5 12a7.5 7.5 0 1 0 2.5-5.6", "M4 4.5v4h4", "M12 8v4.5l3 2"],
  people: [
    "M9 4.5a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4z",
    "M3 19.5c0-3.6 2.6-6 6-6s6 2.4 6 6",
    "M16 5a3 3 0 0 1 0 5.8",
    "M17.5 13.8c2.1.7 3.5 2.7 3.5 5.7",
  ],
  plus: ["M5 12h14", "M12 5v14"],
  previousMark: ["M19 5l-9 7 9 7z", "M6 5v14"],
  share: [
    "M6 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    "M17.5 3.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    "M17.5 15.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    "M8.2 10.9l7-3.7",
    "M8.2 13.1l7 3.7",
  ],
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M15.5 15.5 20.5 20.5"],
  shield: ["M12 3l8 3v5.5c0 4.5-3.2 7.9-8 9.5-4.8-1.6-8-5-8-9.5V6z", "M8.5 12l2.5 2.5 4.5-5"],
  shieldOff: ["M12 3l8 3v5.5c0 4.5-3.2 7.9-8 9.5-4.8-1.6-8-5-8-9.5V6z", "M9 9.5l6 6", "M15 9.5l-6 6"],
  stepBack: ["M14 6l-6 6 6 6", "M18 6v12"],
  stepOn: ["M10 6l6 6-6 6", "M6 6v12"],
  sound: ["M4 9.5v5h3.5L12 19V5L7.5 9.5z", "M15.5 9a4.5 4.5 0 0 1 0 6", "M18 6.5a8 8 0 0 1 0 11"],
  siren: [
    "M6.5 17v-4.5a5.5 5.5 0 0 1 11 0V17",
    "M4 17h16v3.5H4z",
    "M12 2v2",
    "M3.5 5.5 5 7",
    "M20.5 5.5 19 7",
  ],
};

/**
 * An element of a drawing, with its attributes.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...present(children));
  return element;
}

/**
 * @param {keyof typeof PATHS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const paths = PATHS[name].map((d) => svg("path", { d }));
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, paths);
}
