/** @import {Camera, Fault} from "./types.js" */
/** @import {Store} from "./store.js" */
import { trouble } from "./faults.js";
import { t } from "./i18n.js";
import { watchable } from "./live-quality.js";

/**
 * Why there is no live picture of this camera; "" if there should be one.
 *
 * @param {Camera} camera
 * @param {Store} store
 */
export function noPictureWords(camera, store) {
  if (watchable(camera).length) return "";
  const streams = [camera.streams.sub, camera.streams.main].filter((stream) => stream !== null);
  if (camera.fault) {
    // The fault names one stream; where none comes, it is all of them.
    const areAllDown = streams.every((stream) => stream.state !== "live");
    return trouble(streams.map(() => /** @type {Fault} */ (camera.fault)).slice(areAllDown ? 0 : -1), store).what;
  }
  const live = streams.filter((stream) => stream.state === "live");
  if (live.some((stream) => stream.codec === "h265")) return t("error.h265");
  if (live.some((stream) => stream.b_frames)) return t("error.b_frames");
  if (streams.some((stream) => stream.state === "connecting")) return t("camera.connecting");
  return t("camera.no_signal");
}
