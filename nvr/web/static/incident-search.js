/** @import {Camera, Incident} from "./types.js" */
/** @import {SiteTime} from "./time.js" */

/**
 * Which incidents are shown; "" for any. `from`, `to`: days of the site as 2026-11-24, both included. `state`: what was
 * done about them, a key of STATES.
 *
 * @typedef {{camera: string, kind: string, zone: string, from: string, to: string, state: string}} Search
 */

const NAMES = /** @type {(keyof Search)[]} */ (["camera", "kind", "zone", "from", "to", "state"]);
/** The API's conditions for each. @type {Record<string, [string, string]>} */
export const STATES = {
  waiting: ["acknowledged", "no"],
  taken: ["acknowledged", "yes"],
  unresolved: ["resolved", "no"],
  resolved: ["resolved", "yes"],
  real: ["outcome", "real"],
  false_alarm: ["outcome", "false_alarm"],
  test: ["outcome", "test"],
  other: ["outcome", "other"],
};
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** @returns {Search} */
export function everything() {
  return { camera: "", kind: "", zone: "", from: "", to: "", state: "" };
}

/** What an address asks for; what is not understood asks for nothing. @param {string} query @returns {Search} */
export function searchOf(query) {
  const asked = new URLSearchParams(query);
  const search = everything();
  for (const name of NAMES) search[name] = (asked.get(name) ?? "").slice(0, 100);
  if (!DAY.test(search.from)) search.from = "";
  if (!DAY.test(search.to)) search.to = "";
  if (!Object.hasOwn(STATES, search.state)) search.state = "";
  return search;
}

/** @param {Search} search */
export function searchAddress(search) {
  const said = new URLSearchParams();
  for (const name of NAMES) if (search[name]) said.set(name, search[name]);
  const query = String(said);
  return query ? `#/incidents?${query}` : "#/incidents";
}

/** @param {Search} search */
export function isNarrowed(search) {
  return NAMES.some((name) => search[name] !== "");
}

/** The same as the API's conditions. @param {Search} search @param {SiteTime} time */
export function conditions(search, time) {
  const said = new URLSearchParams();
  if (search.camera) said.set("camera", search.camera);
  if (search.kind) said.set("kind", search.kind);
  if (search.zone) said.set("zone", search.zone);
  const state = STATES[search.state];
  if (state) said.set(...state);
  const { sinceS, untilS } = span(search, time);
  if (sinceS !== null) said.set("since_s", String(sinceS));
  if (untilS !== null) said.set("until_s", String(untilS));
  return said;
}

/**
 * Whether an incident that just came belongs to what is shown.
 *
 * @param {Incident} incident
 * @param {Search} search
 * @param {SiteTime} time
 */
export function belongs(incident, search, time) {
  const { sinceS, untilS } = span(search, time);
  return (
    (!search.camera || incident.camera === search.camera) &&
    (!search.kind || incident.kind === search.kind) &&
    (!search.zone || incident.zone === search.zone) &&
    (!search.state || isIn(incident, search.state)) &&
    (sinceS === null || incident.opened_s >= sinceS) &&
    (untilS === null || incident.opened_s < untilS)
  );
}

/** @param {Incident} incident @param {string} state */
function isIn({ response, acknowledged_s: takenS, outcome }, state) {
  const waits = takenS === null && response !== "record";
  if (state === "waiting") return waits;
  if (state === "taken") return takenS !== null;
  if (state === "unresolved") return outcome === null && (waits || takenS !== null);
  return state === "resolved" ? outcome !== null : outcome === state;
}

/** From the start of the first day to the end of the last one. @param {Search} search @param {SiteTime} time */
function span({ from, to }, time) {
  const startOf = (/** @type {string} */ day) => {
    const atS = time.fromInput(`${day}T00:00:00`);
    return Number.isNaN(atS) ? null : atS;
  };
  return { sinceS: from ? startOf(from) : null, untilS: to ? startOf(dayAfter(to, 1)) : null };
}

/** The day `count` days later. @param {string} day @param {number} count */
export function dayAfter(day, count) {
  const atMs = Date.parse(`${day}T00:00:00Z`) + count * 86_400_000;
  return Number.isNaN(atMs) ? day : new Date(atMs).toISOString().slice(0, 10);
}

/** Names of the zones of a camera, or of all; the whole picture is none. @param {Camera[]} cameras @param {string} id */
export function zonesOf(cameras, id) {
  const names = cameras.filter((camera) => !id || camera.id === id).flatMap(({ zones }) => zones.map((z) => z.name));
  return [...new Set(names)].filter((name) => name !== "*" && name !== "").sort();
}

/** All kinds that the zones look for. @param {Camera[]} cameras */
export function kindsOf(cameras) {
  return [...new Set(cameras.flatMap(({ zones }) => zones.flatMap(({ objects }) => objects)))];
}
