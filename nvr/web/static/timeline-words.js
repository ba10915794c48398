/** @import {App, TimelineCamera} from "./types.js" */
import { known, t } from "./i18n.js";
import { holding } from "./timeline-window.js";

/** How long a live camera may take to have its footage on the disk. */
const UNWRITTEN_S = 30;

/**
 * Why there is no picture of a moment.
 *
 * @param {App} app
 * @param {string} id of the camera
 * @param {TimelineCamera | null} camera what is known of it around that moment
 * @param {number} atS
 */
export function whyNothing({ time, store }, id, camera, atS) {
  const gap = holding(camera?.gaps ?? [], atS);
  if (gap) {
    const key = `timeline.cause.${gap[2]}`;
    const cause = known(key) ? t(key) : gap[2];
    return t("timeline.gap", { cause, from: time.clock(gap[0]), to: time.clock(gap[1]) });
  }
  const streams = store.state.cameras?.find((other) => other.id === id)?.streams;
  const isLive = streams?.main.state === "live" || streams?.sub?.state === "live";
  return t(isLive && atS > store.nowS() - UNWRITTEN_S ? "timeline.not_yet" : "timeline.nothing");
}
