/** @import {Layout} from "./types.js" */

/** What of the cameras is on the wall, and where: pure. */

export const SIZES = /** @type {const} */ ([1, 4, 9, 16]);

/**
 * A wall as it was chosen: `slots` in order, null where a tile stays empty, `tiles` of them on a page.
 *
 * @typedef {object} Wall
 * @property {number} tiles
 * @property {(string | null)[]} slots
 * @property {boolean} isFixed a page always has all its tiles; else it has as many as there are cameras
 * @property {Layout | null} layout
 */

/**
 * @param {string} chosen "tiles:9", "layout:3", or anything else: all cameras as they fit best
 * @param {Layout[]} layouts
 * @param {string[]} cameras
 * @param {boolean} isWide else all of them stand below each other, and the page is scrolled
 * @returns {Wall}
 */
export function arranged(chosen, layouts, cameras, isWide) {
  const [kind, value] = chosen.split(":");
  const layout = (kind === "layout" && layouts.find(({ id }) => id === Number(value))) || null;
  if (layout) return { tiles: layout.tiles, slots: layout.cameras, isFixed: true, layout };
  const size = kind === "tiles" && SIZES.find((one) => one === Number(value));
  if (size) return { tiles: size, slots: cameras, isFixed: true, layout };
  const most = SIZES[SIZES.length - 1] ?? 1;
  return { tiles: isWide ? most : Math.max(1, cameras.length), slots: cameras, isFixed: false, layout };
}

/**
 * One page of a wall; a page that there is not is the nearest that there is.
 *
 * @param {Wall} wall
 * @param {number} page from 0
 */
export function pageOf({ tiles, slots, isFixed }, page) {
  const used = slots.reduce((count, slot, i) => (slot === null ? count : i + 1), 0);
  const pages = Math.max(1, Math.ceil(used / tiles));
  const shown = Math.min(pages - 1, Math.max(0, page));
  const here = slots.slice(shown * tiles, (shown + 1) * tiles);
  while (isFixed && here.length < tiles) here.push(null);
  const columns = Math.max(1, Math.ceil(Math.sqrt(isFixed ? tiles : here.length)));
  return { page: shown, pages, slots: here, columns, rows: Math.max(1, Math.ceil(here.length / columns)) };
}

/**
 * Where an arrow leads from a tile: -1 to the page before, `count` to the next one.
 *
 * @param {number} index
 * @param {string} key
 * @param {number} columns
 * @param {number} count of tiles
 */
export function neighbour(index, key, columns, count) {
  if (key === "ArrowLeft") return index - 1;
  if (key === "ArrowRight") return index + 1;
  const there = key === "ArrowUp" ? index - columns : index + columns;
  return there >= 0 && there < count ? there : index;
}
