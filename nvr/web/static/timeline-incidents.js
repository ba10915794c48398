/** @import {Api} from "./api.js" */
/** @import {Timeline, TimelineCamera} from "./types.js" */
import { neighbour } from "./timeline-window.js";

const SEARCH_S = 31 * 86400;

/**
 * Where to go to see the next or previous incident of some cameras, first among what is known, then within 31 days.
 *
 * @param {Api} api
 * @param {string[]} ids
 * @param {TimelineCamera[]} known
 * @param {number} fromS
 * @param {1 | -1} direction
 * @param {AbortSignal} signal
 * @returns {Promise<number | null>} null: there is none
 * @throws {import("./api.js").ApiError}
 */
export async function incidentBeside(api, ids, known, fromS, direction, signal) {
  const near = neighbour(startsOf(known), fromS, direction);
  if (near !== null) return near;
  const [startS, endS] = direction > 0 ? [fromS, fromS + SEARCH_S] : [fromS - SEARCH_S, fromS + 60];
  const query = new URLSearchParams({
    cameras: ids.join(","),
    start_s: String(Math.max(0, startS)),
    end_s: String(endS),
  });
  /** @type {Timeline} */
  const found = await api.get(`/api/timeline?${query}`, signal);
  return neighbour(startsOf(found.cameras), fromS, direction);
}

/** @param {TimelineCamera[]} cameras */
function startsOf(cameras) {
  return cameras.flatMap(({ incidents }) => incidents.map(({ start_s: startS }) => startS));
}
