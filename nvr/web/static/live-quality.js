/** @import {Camera, StreamRole} from "./types.js" */

/** @typedef {"auto" | StreamRole} Quality */

/** The main stream is asked for where the sub stream would be drawn so many times as wide as it is. */
const TOO_WIDE = 1.25;

let takesH265 = /** @type {boolean | null} */ (null);

/** Whether this browser offers H.265 by WebRTC: with Safari always, with others where the hardware decodes it. */
function canH265() {
  takesH265 ??= (RTCRtpReceiver.getCapabilities("video")?.codecs ?? []).some(
    ({ mimeType }) => mimeType.toLowerCase() === "video/h265",
  );
  return takesH265;
}

/**
 * The streams of a camera that come now and that this browser can show, the main one first.
 *
 * @param {Camera} camera
 * @param {boolean} [h265]
 * @returns {StreamRole[]}
 */
export function watchable({ streams }, h265 = canH265()) {
  return /** @type {StreamRole[]} */ (["main", "sub"]).filter((role) => {
    const stream = streams[role];
    return stream?.state === "live" && !stream.b_frames && (stream.codec !== "h265" || h265);
  });
}

/**
 * The stream to show; null: none can be shown.
 *
 * @param {Camera} camera
 * @param {Quality} wish
 * @param {number} widthPx how wide its picture is drawn
 * @param {StreamRole | null} before what is shown now; a width just at the limit changes nothing
 * @param {boolean} [h265]
 * @returns {StreamRole | null}
 */
export function chosenRole(camera, wish, widthPx, before, h265 = canH265()) {
  const roles = watchable(camera, h265);
  if (roles.length < 2) return roles[0] ?? null;
  if (wish !== "auto") return wish;
  const subPx = camera.streams.sub?.width || Number.POSITIVE_INFINITY;
  return widthPx > subPx * (before === "main" ? 1 : TOO_WIDE) ? "main" : "sub";
}
