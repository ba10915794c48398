/** The check itself, finding for finding as verify.py and signature.py make it. */

import { fromHex, sha256 } from "./bytes.js";
import { checkCoverage } from "./coverage.js";
import {
  MANIFEST, MAX_MANIFEST_BYTES, MAX_SIGNATURE_BYTES, SIGNATURE, lineLabels, parseManifest, parseSignature,
} from "./manifest.js";
import * as ed25519 from "./vendor/noble-ed25519.js";

/**
 * @typedef {"missing" | "added" | "changed" | "unreadable" | "manifest" | "signature" | "signer" | "container" |
 *   "undeclared"} Kind
 * @typedef {{ kind: Kind, name: string, detail: string }} Finding
 * @typedef {{ findings: Finding[], signer: string | null, manifest: import("./manifest.js").Manifest | null }} Verdict
 * @typedef {import("./files.js").PackageFiles} PackageFiles
 */

const LINES_PREFIX = "village-nvr-evidence-lines/1\n";
const SHOWN_LINES = 100;

/**
 * Everything but whether the signer is the expected one.
 *
 * @param {PackageFiles} files
 * @param {(done: number, total: number) => void} progress
 * @returns {Promise<Verdict>}
 */
export async function verify(files, progress) {
  const findings = [...files.differences];
  const manifestData = await small(files, MANIFEST, MAX_MANIFEST_BYTES, findings);
  const signatureData = await small(files, SIGNATURE, MAX_SIGNATURE_BYTES, findings);
  const manifest = manifestData === null ? null : parseManifest(manifestData);
  if (manifestData !== null && manifest === null) findings.push({ kind: "unreadable", name: MANIFEST, detail: "" });
  const signature = signatureData === null ? null : parseSignature(signatureData);
  if (signatureData !== null && signature === null) findings.push({ kind: "unreadable", name: SIGNATURE, detail: "" });
  if (manifestData !== null && signature !== null) {
    findings.push(...(await judge(manifestData, signature, manifest?.signer.key ?? signature.key)));
  }
  if (manifest !== null) {
    findings.push(...(await checkFiles(files, manifest.files, progress)), ...checkCoverage(manifest));
  }
  return { findings, signer: signature === null ? null : await sha256(fromHex(signature.key)), manifest };
}

/** @param {PackageFiles} files @param {string} name @param {number} most @param {Finding[]} findings */
async function small(files, name, most, findings) {
  const blob = files.blobs.get(name);
  if (blob === undefined) {
    findings.push({ kind: "missing", name, detail: "" });
    return null;
  }
  const data = blob.size > most ? null : await bytes(blob);
  if (data === null) findings.push({ kind: "unreadable", name, detail: "" });
  return data;
}

/** @param {Blob} blob @returns {Promise<Uint8Array | null>} null: it cannot be read */
async function bytes(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    return null;
  }
}

/** @param {Uint8Array} data @param {import("./manifest.js").Signature} signature @param {string} namedKey */
async function judge(data, signature, namedKey) {
  const listed = new TextEncoder().encode(LINES_PREFIX + signature.lines.map((line) => `${line}\n`).join(""));
  let [key, isSigned, areListed] = [signature.key, false, false];
  for (const candidate of new Set([signature.key, namedKey])) {
    key = candidate;
    isSigned = await fits(key, signature.signature, data);
    areListed = await fits(key, signature.lines_signature, listed);
    if (isSigned || areListed) break;
  }
  /** @type {Finding[]} */
  const findings = [];
  if (!isSigned && !areListed) return [/** @type {Finding} */ ({ kind: "signature", name: SIGNATURE, detail: "" })];
  if (key !== signature.key) findings.push({ kind: "changed", name: SIGNATURE, detail: "" });
  else if (namedKey !== signature.key) findings.push({ kind: "signer", name: MANIFEST, detail: "" });
  if (!areListed) return [...findings, /** @type {Finding} */ ({ kind: "changed", name: SIGNATURE, detail: "" })];
  const differing = await differingLines(data, signature.lines);
  if (!isSigned && differing.length === 0) differing.push({ kind: "changed", name: SIGNATURE, detail: "" });
  return [...findings, ...differing];
}

/** @param {string} key @param {string} signature @param {Uint8Array} message */
async function fits(key, signature, message) {
  return ed25519.verifyAsync(fromHex(signature), message, fromHex(key), { zip215: false });
}

/** @param {Uint8Array} data @param {string[]} signed @returns {Promise<Finding[]>} */
async function differingLines(data, signed) {
  const lines = split(data);
  const here = [];
  for (const line of lines) here.push((await sha256(line)).slice(0, 32));
  const texts = lines.map((line) => new TextDecoder().decode(line));
  const labels = lineLabels(texts);
  if (here.length === signed.length) {
    const wrong = here.flatMap((digest, index) => (digest === signed[index] ? [] : [index]));
    return wrong.slice(0, SHOWN_LINES).map((index) => ({
      kind: "manifest",
      name: `${MANIFEST}: ${labels[index] || "brackets"}`,
      detail: (texts[index] ?? "").slice(0, 200),
    }));
  }
  const shorter = Math.min(here.length, signed.length);
  let first = 0;
  while (first < shorter && here[first] === signed[first]) first++;
  const label = labels.slice(first).find((each) => each !== "") ?? "end";
  return [{ kind: "manifest", name: `${MANIFEST}: ${label}`, detail: "" }];
}

/** @param {Uint8Array} data */
function split(data) {
  const lines = [];
  let start = 0;
  for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
    lines.push(data.slice(start, end));
    start = end + 1;
  }
  return [...lines, data.slice(start)];
}

/**
 * @param {PackageFiles} files
 * @param {import("./manifest.js").PackageFile[]} listed
 * @param {(done: number, total: number) => void} progress
 */
async function checkFiles(files, listed, progress) {
  /** @type {Finding[]} */
  const findings = [];
  const total = listed.reduce((sum, file) => sum + file.size, 0);
  let done = 0;
  for (const { path: name, size, sha256: wanted } of listed) {
    const blob = files.blobs.get(name);
    if (blob === undefined) findings.push({ kind: "missing", name, detail: `${size} B` });
    else if (blob.size !== size) findings.push({ kind: "changed", name, detail: `${size} → ${blob.size} B` });
    else {
      const data = await bytes(blob);
      if (data === null) findings.push({ kind: "unreadable", name, detail: "" });
      else if ((await sha256(data)) !== wanted) findings.push({ kind: "changed", name, detail: "SHA-256" });
    }
    done += size;
    progress(done, total);
  }
  const known = new Set([MANIFEST, SIGNATURE, ...listed.map((file) => file.path)]);
  for (const name of [...files.blobs.keys()].sort()) {
    if (!known.has(name)) findings.push({ kind: "added", name, detail: "" });
  }
  return findings;
}
