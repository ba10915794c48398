/**
 * Pages by the address's hash, so that "back" works and no request is made.
 *
 * @typedef {{page: "live", camera: string | null}
 *   | {page: "incidents", camera: string}
 *   | {page: "incident", id: number}
 *   | {page: "playback", cameras: string[], atS: number | null}
 *   | {page: "alarm"}} Route
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
  if (page === "alarm") return { page };
  if (page === "incidents") return { page, camera: new URLSearchParams(query).get("camera") ?? "" };
  if (page === "playback") {
    const asked = new URLSearchParams(query);
    const cameras = (asked.get("cameras") ?? "").split(",").filter(Boolean);
    const at = asked.get("at") ?? "";
    return { page, cameras, atS: /^\d{1,12}$/.test(at) ? Number(at) : null };
  }
  if (page === "incident" && /^\d{1,15}$/.test(argument ?? "")) return { page, id: Number(argument) };
  return { page: "live", camera: (page === "live" && argument) || null };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
