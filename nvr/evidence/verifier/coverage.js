/** Whether a manifest accounts for every moment of its span, as coverage.py does. */

/**
 * @typedef {import("./verify.js").Finding} Finding
 * @typedef {import("./manifest.js").Manifest} Manifest
 * @typedef {import("./manifest.js").Part} Part
 * @typedef {[number, number][]} Spans
 */

const TOLERANCE_MS = 10;

/** @param {Manifest} manifest @returns {Finding[]} */
export function checkCoverage(manifest) {
  const recorded = byStream(manifest.files.flatMap((file) => (file.of === null ? [] : [file.of])));
  const missing = byStream(manifest.gaps);
  const named = new Set(manifest.cameras.flatMap(({ id, streams }) => streams.map((stream) => `${id} ${stream}`)));
  /** @type {Finding[]} */
  const findings = [];
  for (const name of new Set([...recorded.keys(), ...missing.keys()])) {
    if (!named.has(name)) findings.push({ kind: "undeclared", name, detail: "" });
  }
  const [start, end] = [Date.parse(manifest.span.start), Date.parse(manifest.span.end)];
  for (const name of named) {
    const there = disjoint(recorded.get(name) ?? []);
    const gone = disjoint(missing.get(name) ?? []);
    for (const span of [...holes(disjoint([...there, ...gone]), start, end), ...both(there, gone)]) {
      const [from, to] = span.map((ms) => new Date(ms).toISOString());
      findings.push({ kind: "undeclared", name: `${name} ${from} – ${to}`, detail: "" });
    }
  }
  return findings;
}

/** @param {Part[]} parts @returns {Map<string, Spans>} */
function byStream(parts) {
  /** @type {Map<string, Spans>} */
  const found = new Map();
  for (const part of parts) {
    const name = `${part.camera} ${part.stream}`;
    const spans = found.get(name) ?? [];
    spans.push([Date.parse(part.start), Date.parse(part.end)]);
    found.set(name, spans);
  }
  return found;
}

/** @param {Spans} spans @returns {Spans} in order, joined where they meet */
function disjoint(spans) {
  /** @type {Spans} */
  const joined = [];
  for (const [begin, stop] of [...spans].sort((one, other) => one[0] - other[0])) {
    const last = joined.at(-1);
    if (last !== undefined && begin <= last[1]) last[1] = Math.max(last[1], stop);
    else joined.push([begin, stop]);
  }
  return joined;
}

/** @param {Spans} spans disjoint @param {number} start @param {number} end @returns {Spans} */
function holes(spans, start, end) {
  /** @type {Spans} */
  const found = [];
  let reached = start;
  for (const [begin, stop] of [...spans, /** @type {[number, number]} */ ([end, end])]) {
    const until = Math.min(begin, end);
    if (until - reached > TOLERANCE_MS) found.push([reached, until]);
    reached = Math.max(reached, stop);
  }
  return found;
}

/** Where both are. @param {Spans} left disjoint @param {Spans} right disjoint @returns {Spans} */
function both(left, right) {
  /** @type {Spans} */
  const found = [];
  let [i, j] = [0, 0];
  for (let one = left[i], other = right[j]; one && other; one = left[i], other = right[j]) {
    const [begin, stop] = [Math.max(one[0], other[0]), Math.min(one[1], other[1])];
    if (stop - begin > TOLERANCE_MS) found.push([begin, stop]);
    if (one[1] < other[1]) i++;
    else j++;
  }
  return found;
}
