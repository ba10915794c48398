/** The ZIP around a package: only the layout of zip_layout.py, every byte of it compared. */

import { difference, joined } from "./bytes.js";
import { MAX_FILES, MAX_FILE_BYTES } from "./manifest.js";

/**
 * @typedef {{ name: string, size: number, crc32: number }} Entry
 * @typedef {{ entries: { entry: Entry, at: number }[], differences: string[] }} Opened
 *   differences: names of files, "ZIP" for what is between none
 */

const [LOCAL, CENTRAL, END64, LOCATOR, END] = [0x04034b50, 0x02014b50, 0x06064b50, 0x07064b50, 0x06054b50];
const [MAX_16, MAX_32] = [0xffff, 0xffffffff];
const MAX_NAME = 250;
const MAX_ENTRIES = MAX_FILES + 2;
const MAX_TAIL = MAX_ENTRIES * (46 + MAX_NAME + 12) + 256;

/**
 * Little-endian fields, [bytes, value] each.
 *
 * @param {[number, number][]} fields
 */
function packed(fields) {
  const data = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return data;
}

/** @param {string} name */
const ascii = (name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0));

/** @param {Entry} entry */
function localHeader({ name, size, crc32 }) {
  return joined([
    packed([[4, LOCAL], [2, 20], [2, 0], [2, 0], [2, 0], [2, 33], [4, crc32], [4, size], [4, size], [2, name.length], [2, 0]]),
    ascii(name),
  ]);
}

/** @param {Entry[]} entries */
function directory(entries) {
  const records = [];
  let offset = 0;
  for (const entry of entries) {
    const { name, size, crc32 } = entry;
    const far = offset >= MAX_32;
    const version = far ? 45 : 20;
    records.push(
      packed([
        [4, CENTRAL], [2, (3 << 8) | version], [2, version], [2, 0], [2, 0], [2, 0], [2, 33], [4, crc32], [4, size],
        [4, size], [2, name.length], [2, far ? 12 : 0], [2, 0], [2, 0], [2, 0], [4, 0o100644 * 0x10000],
        [4, Math.min(offset, MAX_32)],
      ]),
      ascii(name),
      far ? packed([[2, 1], [2, 8], [8, offset]]) : new Uint8Array(),
    );
    offset += 30 + name.length + size;
  }
  const table = joined(records);
  const [count, size, at] = [entries.length, table.length, offset + table.length];
  const isLarge = count >= MAX_16 || size >= MAX_32 || offset >= MAX_32;
  const few = Math.min(count, MAX_16);
  return joined([
    table,
    !isLarge ? new Uint8Array() : packed([
      [4, END64], [8, 44], [2, (3 << 8) | 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, offset],
      [4, LOCATOR], [4, 0], [8, at], [4, 1],
    ]),
    packed([[4, END], [2, 0], [2, 0], [2, few], [2, few], [4, Math.min(size, MAX_32)], [4, Math.min(offset, MAX_32)], [2, 0]]),
  ]);
}

/** @param {Blob} blob @param {number} at @param {number} length */
async function read(blob, at, length) {
  return new Uint8Array(await blob.slice(at, at + length).arrayBuffer());
}

/** @param {Blob} blob @returns {Promise<Opened | null>} null: no ZIP of this layout */
export async function openZip(blob) {
  let { entries, isWhole } = await walk(blob);
  if (!isWhole) entries = (await byDirectory(blob)) ?? entries;
  if (entries.length === 0) return null;
  /** @type {Opened} */
  const opened = { entries: [], differences: [] };
  let at = 0;
  for (const entry of entries) {
    const header = localHeader(entry);
    if (!isWhole) {
      const found = await read(blob, at, header.length);
      if (found.length !== header.length || difference(found, header) >= 0) opened.differences.push(entry.name);
    }
    opened.entries.push({ entry, at: at + header.length });
    at += header.length + entry.size;
  }
  if (at > blob.size || blob.size - at > MAX_TAIL) opened.differences.push("ZIP");
  else opened.differences.push(...compared(entries, directory(entries), await read(blob, at, blob.size - at)));
  return opened;
}

/** @param {Blob} blob */
async function walk(blob) {
  /** @type {Entry[]} */
  const entries = [];
  let at = 0;
  while (at < blob.size && entries.length <= MAX_ENTRIES) {
    const head = await read(blob, at, 30 + MAX_NAME);
    if (head.length < 30) break;
    const view = new DataView(head.buffer);
    if (view.getUint32(0, true) === CENTRAL) return { entries, isWhole: entries.length > 0 };
    if (view.getUint32(0, true) !== LOCAL) break;
    const entry = asEntry(head, 30, view.getUint16(26, true), view.getUint32(22, true), view.getUint32(14, true));
    if (entry === null || difference(head, localHeader(entry)) >= 0) break;
    at += 30 + entry.name.length + entry.size;
    entries.push(entry);
  }
  return { entries, isWhole: false };
}

/** @param {Blob} blob @returns {Promise<Entry[] | null>} */
async function byDirectory(blob) {
  const end = new DataView((await read(blob, Math.max(0, blob.size - 22), 22)).buffer);
  if (end.byteLength < 22 || end.getUint32(0, true) !== END) return null;
  let [size, start] = [end.getUint32(12, true), end.getUint32(16, true)];
  if (start === MAX_32 || size === MAX_32 || end.getUint16(8, true) === MAX_16) {
    const end64 = new DataView((await read(blob, Math.max(0, blob.size - 98), 56)).buffer);
    if (end64.byteLength < 56 || end64.getUint32(0, true) !== END64) return null;
    [size, start] = [Number(end64.getBigUint64(40, true)), Number(end64.getBigUint64(48, true))];
  }
  if (size > MAX_TAIL) return null;
  const records = await read(blob, start, size);
  const view = new DataView(records.buffer);
  /** @type {Entry[]} */
  const entries = [];
  for (let at = 0; at < records.length;) {
    if (records.length - at < 46 || entries.length > MAX_ENTRIES || view.getUint32(at, true) !== CENTRAL) return null;
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const entry = asEntry(records, at + 46, name ?? 0, view.getUint32(at + 24, true), view.getUint32(at + 16, true));
    if (entry === null) return null;
    entries.push(entry);
    at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return entries.length === 0 ? null : entries;
}

/** @param {Uint8Array} data @param {number} at @param {number} length @param {number} size @param {number} crc32 */
function asEntry(data, at, length, size, crc32) {
  const name = String.fromCharCode(...data.subarray(at, at + Math.min(length, MAX_NAME + 1)));
  return /^[\x21-\x7e]+$/.test(name) && name.length <= MAX_NAME && size <= MAX_FILE_BYTES ? { name, size, crc32 } : null;
}

/** @param {Entry[]} entries @param {Uint8Array} wanted @param {Uint8Array} found @returns {string[]} */
function compared(entries, wanted, found) {
  const at = difference(wanted, found);
  if (at < 0) return wanted.length === found.length ? [] : ["ZIP"];
  let end = 0;
  for (const { name } of entries) {
    end += 46 + name.length;
    if (at < end) return [name];
  }
  return ["ZIP"];
}
