/** A package as a person gave it: a ZIP, or a folder by chooser or drop. */

import { openZip } from "./zip.js";

/**
 * @typedef {import("./verify.js").Finding} Finding
 * @typedef {{ blobs: Map<string, Blob>, differences: Finding[] }} PackageFiles
 */

/** @param {Blob} file @returns {Promise<PackageFiles | null>} null: no ZIP of the one layout */
export async function fromZip(file) {
  const opened = await openZip(file);
  if (opened === null) return null;
  /** @type {Finding[]} */
  const differences = opened.differences.map((name) => ({ kind: "container", name, detail: "" }));
  const blobs = new Map();
  for (const { entry, at } of opened.entries) {
    if (blobs.has(entry.name)) differences.push({ kind: "container", name: entry.name, detail: "" });
    blobs.set(entry.name, file.slice(at, at + entry.size));
  }
  return { blobs, differences };
}

/** @param {Iterable<File>} files of a folder chooser @returns {PackageFiles} */
export function fromFolder(files) {
  const blobs = new Map();
  for (const file of files) blobs.set(file.webkitRelativePath.replace(/^[^/]*\//, ""), file);
  return { blobs, differences: [] };
}

/** @param {FileSystemDirectoryEntry} root a dropped folder @returns {Promise<PackageFiles>} */
export async function fromDrop(root) {
  const blobs = new Map();
  const folders = [root];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const reader = folder.createReader();
    for (;;) {
      /** @type {FileSystemEntry[]} */
      const found = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (found.length === 0) break; // it answers in parts
      for (const item of found) {
        if (item.isDirectory) folders.push(/** @type {FileSystemDirectoryEntry} */ (item));
        else {
          const file = await new Promise((resolve, reject) =>
            /** @type {FileSystemFileEntry} */ (item).file(resolve, reject),
          );
          blobs.set(item.fullPath.slice(root.fullPath.length + 1), file);
        }
      }
    }
  }
  return { blobs, differences: [] };
}
