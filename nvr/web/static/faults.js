/** @import {Fault} from "./types.js" */
/** @import {Store} from "./store.js" */
import { known, sentence, t, tIfComplete } from "./i18n.js";

/**
 * One fault as staff read it.
 *
 * @typedef {object} Trouble
 * @property {string} what a sentence
 * @property {string | null} where the camera or, of several, the disk it is about
 * @property {string | null} remedy what a person can do about it
 * @property {string} detail English, for a technician
 * @property {number | null} sinceS
 * @property {{before: string | null, now: string} | null} pictures addresses: of a camera that shows something else now
 */

/**
 * Faults in words; the same fault of both streams of a camera is told once.
 *
 * @param {Fault[]} faults
 * @param {Store} store
 * @returns {Trouble[]}
 */
export function troubles(faults, store) {
  /** @type {Map<string, Fault[]>} */
  const groups = new Map();
  for (const fault of faults) {
    const camera = placeOf(fault).camera;
    const key = `${camera ?? fault.place} ${fault.code}`;
    groups.set(key, [...(groups.get(key) ?? []), fault]);
  }
  return [...groups.values()].map((group) => trouble(group, store));
}

/**
 * @param {Fault[]} group of one place and code, at least one
 * @param {Store} store
 * @returns {Trouble}
 */
export function trouble(group, store) {
  const first = /** @type {Fault} */ (group[0]);
  const { camera, stream } = placeOf(first);
  /** @type {Record<string, string | number>} */
  const params = { ...first.params, place: first.place };
  if (camera) params.stream = t(`stream.${group.length === 1 ? (stream ?? "all") : "all"}`);
  const words = tIfComplete(`fault.${first.code}`, params);
  const since = group.map((fault) => fault.since_s).filter((s) => typeof s === "number");
  const remedy = `remedy.${first.code}`;
  return {
    what: words === null ? first.detail : sentence(words),
    where: camera ? store.cameraName(camera) : diskOf(first),
    remedy: known(remedy) ? t(remedy) : null,
    detail: [...new Set(group.map((fault) => fault.detail))].join("\n"),
    sinceS: since.length ? Math.min(.../** @type {number[]} */ (since)) : null,
    pictures: camera && first.code.startsWith("sick_") ? picturesOf(camera, first.params.before === 1) : null,
  };
}

/** @param {string} camera @param {boolean} hasBefore */
function picturesOf(camera, hasBefore) {
  const address = `/api/cameras/${encodeURIComponent(camera)}/sick`;
  return { before: hasBefore ? `${address}/before` : null, now: `${address}/now` };
}

/** @param {Fault} fault */
function diskOf(fault) {
  const match = /^(?:disk|holds):(.+)$/.exec(fault.place);
  return match ? t("storage.disk_n", { path: /** @type {string} */ (match[1]) }) : null;
}

/** @param {Fault} fault @returns {{camera: string | null, stream: string | null}} */
function placeOf(fault) {
  const match = /^(?:camera|audio):([^/]+)(?:\/(main|sub))?$/.exec(fault.place);
  return { camera: match?.[1] ?? null, stream: match?.[2] ?? null };
}
