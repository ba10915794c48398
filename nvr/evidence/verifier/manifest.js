/** manifest.json and manifest.sig, as manifest.py and signature.py define them: shape, one form, lines. */

export const MANIFEST = "manifest.json";
export const SIGNATURE = "manifest.sig";
export const MAX_MANIFEST_BYTES = 64 * 2 ** 20;
export const MAX_SIGNATURE_BYTES = 32 * 2 ** 20;
export const MAX_FILE_BYTES = 2 ** 30;
export const MAX_FILES = 100_000;

/**
 * @typedef {{ camera: string, stream: string, start: string, end: string }} Part
 * @typedef {Part & { clock: string, shift_ms: number }} Footage
 * @typedef {{ path: string, role: string, size: number, sha256: string, of: Footage | null }} PackageFile
 * @typedef {{ id: string, name: string, streams: string[] }} Camera
 * @typedef {{ by: string, at: string }} Deed
 * @typedef {{ id: string, made: string, site: { name: string, zone: string }, signer: { key: string }, case: string,
 *   reason: string, person: string, requested: Deed, approved: Deed, span: { start: string, end: string },
 *   clock: { source: string, error_ms: number | null }, audit_head: string, cameras: Camera[], files: PackageFile[],
 *   gaps: (Part & { cause: string })[] }} Manifest
 * @typedef {{ key: string, signature: string, lines_signature: string, lines: string[] }} Signature
 */

/** @typedef {(value: any) => boolean} Check */

/** @param {RegExp} pattern @param {number} [most] @returns {Check} */
const text = (pattern, most = Infinity) => (value) =>
  typeof value === "string" && pattern.test(value) && (most === Infinity || [...value].length <= most);

/** @param {...(string | null)} values @returns {Check} */
const one = (...values) => (value) => values.includes(value);

/** @param {number} least @param {number} most @returns {Check} */
const whole = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;

/** @param {Check} check @param {number} [least] @param {number} [most] @returns {Check} */
const list = (check, least = 0, most = MAX_FILES) => (value) =>
  Array.isArray(value) && value.length >= least && value.length <= most && value.every(check);

/** Exactly these keys in this order. @param {Record<string, Check>} shape @returns {Check} */
const object = (shape) => (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.keys(value).join() === Object.keys(shape).join() &&
  Object.entries(shape).every(([name, check]) => check(value[name]));

/** @param {Check} check @returns {Check} */
const orNull = (check) => (value) => value === null || check(value);

/** @param {Check} check @returns {Check} */
const ordered = (check) => (value) => check(value) && value.start < value.end;

/** @type {Check} */
const utc = (value) => {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  return ms >= 0 && new Date(ms).toISOString() === value;
};
const line = text(/^[^\x00-\x1f\x7f-\x9f\u2028\u2029\p{Cs}]*$/u, 1000);
const key = text(/^[0-9a-f]{64}$/);
const camera = text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
const path = text(/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,7}$/, 200);
const count = whole(0, Number.MAX_SAFE_INTEGER);
const stream = one("main", "sub");
const source = one("none", "rtc", "person", "ntp");
const cause = one(
  "loss", "reconnect", "timestamp", "overflow", "clock", "stall", "stopped", "disk", "unknown",
);
const role = one("segment", "copy", "still", "incident", "minutes", "readme", "verifier");
const deed = object({ by: line, at: utc });
const footage = ordered(
  object({
    camera, stream, start: utc, end: utc, clock: source,
    shift_ms: whole(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  }),
);
const file = object({ path, role, size: whole(0, MAX_FILE_BYTES), sha256: key, of: orNull(footage) });

const isManifest = object({
  format: one("village-nvr-evidence/1"),
  id: text(/^[0-9a-f]{16}$/),
  made: utc,
  software: line,
  site: object({ name: line, zone: line }),
  signer: object({ algorithm: one("Ed25519"), key }),
  case: line,
  reason: line,
  person: line,
  requested: deed,
  approved: deed,
  span: ordered(object({ start: utc, end: utc })),
  clock: object({ at: utc, source, error_ms: orNull(count), boot: line }),
  audit_head: line,
  cameras: list(object({ id: camera, name: line, streams: list(stream, 1, 2) })),
  files: list((value) => file(value) && (value.role === "segment") === (value.of !== null)),
  gaps: list(ordered(object({ camera, stream, start: utc, end: utc, cause }))),
  custody: list(object({ id: count, at: utc, actor: line, action: line, subject: line, detail: line })),
});

const isSignature = object({
  format: one("village-nvr-evidence-signature/1"),
  key,
  signature: text(/^[0-9a-f]{128}$/),
  lines_signature: text(/^[0-9a-f]{128}$/),
  lines: list(text(/^[0-9a-f]{32}$/), 0, 500_000),
});

/** @param {Uint8Array} data @returns {Manifest | null} null: these bytes are no manifest in its one form */
export function parseManifest(data) {
  const manifest = /** @type {Manifest | null} */ (parse(data, isManifest, MAX_MANIFEST_BYTES));
  const names = new Set(manifest?.files.map((each) => each.path.toLowerCase())).add(MANIFEST).add(SIGNATURE);
  return manifest !== null && names.size === manifest.files.length + 2 ? manifest : null;
}

/** @param {Uint8Array} data @returns {Signature | null} */
export function parseSignature(data) {
  return /** @type {Signature | null} */ (parse(data, isSignature, MAX_SIGNATURE_BYTES));
}

/** @param {Uint8Array} data @param {Check} check @param {number} most */
function parse(data, check, most) {
  if (data.length > most) return null;
  let written, value;
  try {
    written = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    value = JSON.parse(written);
  } catch {
    return null;
  }
  return check(value) && inLines(value) === written ? value : null;
}

/** @param {Record<string, unknown>} document */
function inLines(document) {
  const parts = Object.entries(document).map(([name, value]) => {
    if (!Array.isArray(value)) return `"${name}":${JSON.stringify(value)}`;
    if (value.length === 0) return `"${name}":[]`;
    return `"${name}":[\n${value.map((item) => JSON.stringify(item)).join(",\n")}\n]`;
  });
  return `{\n${parts.join(",\n")}\n}\n`;
}

/** What each line is about, as "span" or "gaps/3", also where lines are damaged. @param {string[]} lines */
export function lineLabels(lines) {
  /** @type {string | null} */
  let within = null;
  let index = 0;
  return lines.map((each) => {
    const top = /^"([a-z_]{1,40})":/.exec(each)?.[1];
    if (top !== undefined) {
      within = each.endsWith("[") ? top : null;
      index = 0;
      return top;
    }
    if (within !== null && each !== "]" && each !== "],") return `${within}/${index++}`;
    within = null;
    return "";
  });
}
