/** Magnifying a picture: pure. The picture fills its frame at scale 1 and is never drawn away from its edges. */

const MOST = 8;

/** @typedef {{scale: number, x: number, y: number}} Zoom where the picture's left upper corner is drawn, in pixels */

/** @type {Zoom} */
export const WHOLE = { scale: 1, x: 0, y: 0 };

/**
 * Magnified by `factor` around a point of the frame, which stays where it is.
 *
 * @param {Zoom} zoom
 * @param {number} factor
 * @param {{x: number, y: number}} point
 * @param {{width: number, height: number}} frame
 */
export function zoomed(zoom, factor, point, frame) {
  const scale = Math.min(MOST, Math.max(1, zoom.scale * factor));
  const by = scale / zoom.scale;
  return within({ scale, x: point.x - (point.x - zoom.x) * by, y: point.y - (point.y - zoom.y) * by }, frame);
}

/** @param {Zoom} zoom @param {{x: number, y: number}} by @param {{width: number, height: number}} frame */
export function moved(zoom, by, frame) {
  return within({ ...zoom, x: zoom.x + by.x, y: zoom.y + by.y }, frame);
}

/** @param {Zoom} zoom @param {{width: number, height: number}} frame @returns {Zoom} */
export function within({ scale, x, y }, { width, height }) {
  return { scale, x: limited(x, width * (1 - scale)), y: limited(y, height * (1 - scale)) };
}

/** @param {number} value @param {number} least at most 0 */
function limited(value, least) {
  return Math.min(0, Math.max(least, value)) || 0;
}
