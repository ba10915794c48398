/** @import {Search} from "./incident-search.js" */
import { searchOf } from "./incident-search.js";

/**
 * Pages by the address's hash, so that "back" works and no request is made.
 *
 * @typedef {{page: "live", camera: string | null}
 *   | {page: "incidents", search: Search}
 *   | {page: "incident", id: number}
 *   | {page: "playback", cameras: string[], atS: number | null, spanS: number | null, selection: [number, number] | null}
 *   | {page: "alarm" | "schedule" | "storage" | "holds" | "packages" | "deletions" | "audit" | "notify"}
 *   | {page: "tunnel" | "platforms" | "accounts" | "own"}} Route
 */

/**
 * The page an address means; what is not understood means the live page.
 *
 * @param {string} hash
 * @returns {Route}
 */
export function parseRoute(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page, argument] = path.split("/").map(decoded);
  if (page === "alarm" || page === "storage" || page === "holds" || page === "deletions") return { page };
  if (page === "audit" || page === "notify" || page === "schedule") return { page };
  if (page === "tunnel" || page === "platforms" || page === "packages") return { page };
  if (page === "accounts" || page === "own") return { page };
  if (page === "incidents") return { page, search: searchOf(query) };
  if (page === "playback") {
    const asked = new URLSearchParams(query);
    const cameras = (asked.get("cameras") ?? "").split(",").filter(Boolean);
    const [from, to] = [seconds(asked.get("from")), seconds(asked.get("to"))];
    return {
      page,
      cameras,
      atS: seconds(asked.get("at")),
      spanS: seconds(asked.get("span")),
      selection: from !== null && to !== null && from < to ? [from, to] : null,
    };
  }
  if (page === "incident" && /^\d{1,15}$/.test(argument ?? "")) return { page, id: Number(argument) };
  return { page: "live", camera: (page === "live" && argument) || null };
}

/**
 * The address of playback; `spanS` seconds of the timeline are seen, `selection` is ready to be held.
 *
 * @param {string[]} cameras
 * @param {{atS?: number, spanS?: number, selection?: [number, number]}} [where]
 */
export function playbackAddress(cameras, { atS, spanS, selection } = {}) {
  const parts = [`cameras=${cameras.map(encodeURIComponent).join(",")}`];
  if (atS !== undefined) parts.push(`at=${Math.max(0, Math.floor(atS))}`);
  if (spanS !== undefined) parts.push(`span=${Math.ceil(spanS)}`);
  if (selection) parts.push(`from=${Math.max(0, Math.floor(selection[0]))}`, `to=${Math.ceil(selection[1])}`);
  return `#/playback?${parts.join("&")}`;
}

/** @param {string | null} text */
function seconds(text) {
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
