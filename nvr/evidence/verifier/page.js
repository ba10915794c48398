/** The page: takes a package and a fingerprint, shows the verdict. All that comes from a package becomes text. */

import { fromDrop, fromFolder, fromZip } from "./files.js";
import { verify } from "./verify.js";
import { LANGUAGES } from "./words.js";

/**
 * @typedef {import("./words.js").Word} Word
 * @typedef {import("./verify.js").Verdict} Verdict
 * @typedef {import("./verify.js").Finding} Finding
 */

const SHOWN = 200;
let words = LANGUAGES.vi;
/** @type {Verdict | null} */
let verdict = null;
let runs = 0;

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);

/** @param {Word} word @param {Record<string, string | number>} [values] */
function say(word, values = {}) {
  return words[word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Only what is there to be seen: nothing that turns writing around. @param {string} text */
const plain = (text) => text.replace(/[\p{C}]/gu, "�");

/** @param {string} tag @param {string} text @param {string} [kind] */
function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind !== undefined) made.className = kind;
  return made;
}

/** @param {keyof typeof LANGUAGES} language */
function speak(language) {
  words = LANGUAGES[language];
  document.documentElement.lang = language;
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-word]")) {
    node.textContent = say(/** @type {Word} */ (node.getAttribute("data-word")));
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-language") === language));
  }
  show();
}

/** The fingerprint that was typed: null for none, undefined for one that is none. */
function expected() {
  const typed = at("key").value.replace(/[\s:.-]/g, "").toLowerCase();
  if (typed === "") return null;
  return /^[0-9a-f]{32,64}$/.test(typed) ? /** @type {string} */ (typed) : undefined;
}

/** @param {() => Promise<import("./files.js").PackageFiles | null>} open */
async function check(open) {
  const run = ++runs;
  verdict = null;
  show();
  try {
    const files = await open();
    const found = files && (await verify(files, (done, total) => {
      if (run === runs) at("progress").textContent =
        say("checking", { done: Math.round(done / 1e6), total: Math.round(total / 1e6) });
    }));
    if (run !== runs) return;
    verdict = found ?? { findings: [{ kind: "container", name: "ZIP", detail: say("no_zip") }], signer: null, manifest: null };
    at("progress").textContent = "";
    show();
  } catch (error) {
    if (run === runs) at("progress").textContent = say("failed", { detail: String(error) });
  }
}

function show() {
  const key = expected();
  at("key-wrong").hidden = key !== undefined;
  at("result").hidden = verdict === null || key === undefined;
  if (verdict === null || key === undefined) return;
  const findings = [...verdict.findings];
  if (key !== null && verdict.signer !== null && !verdict.signer.startsWith(key)) {
    findings.push({ kind: "signer", name: "manifest.sig", detail: "" });
  }
  const state = findings.length > 0 ? "broken" : key === null ? "unknown_signer" : "authentic";
  at("result").dataset.state = state;
  at("state").textContent = say(state);
  at("means").textContent = say(`${state}_means`);
  const items = findings.slice(0, SHOWN).map(finding);
  if (findings.length > SHOWN) items.push(element("li", say("more", { count: findings.length - SHOWN })));
  at("findings").replaceChildren(...items);
  at("facts").replaceChildren(...facts(verdict));
}

/** @param {Finding} found */
function finding({ kind, name, detail }) {
  const item = element("li", "");
  item.dataset.kind = kind;
  item.dataset.name = name;
  item.append(element("b", plain(name)), ` – ${say(kind)}`);
  if (detail !== "") item.append(element("small", plain(detail)));
  return item;
}

/** @param {Verdict} of */
function facts({ signer, manifest }) {
  /** @type {[Word, string][]} */
  const pairs = [];
  if (signer !== null) pairs.push(["signed_by", (signer.match(/.{4}/g) ?? []).join(" ")]);
  if (manifest !== null) {
    const { site, clock, gaps } = manifest;
    const error = clock.error_ms === null ? "" : ` ± ${clock.error_ms / 1000} s`;
    pairs.push(
      ["case", manifest.case],
      ["reason", manifest.reason],
      ["person", manifest.person],
      ["site", site.name],
      ["requested", manifest.requested.by],
      ["approved", manifest.approved.by],
      ["span", `${local(manifest.span.start, site.zone)} – ${local(manifest.span.end, site.zone)} (${site.zone})`],
      ["cameras", manifest.cameras.map(({ id, name }) => `${name} (${id})`).join(", ")],
      ["clock", say(/** @type {Word} */ (`clock_${clock.source}`)) + error],
      ["contents", String(manifest.files.length)],
      ...(gaps.length === 0 ? [/** @type {[Word, string]} */ (["gaps", say("none")])] : []),
      ...gaps.slice(0, SHOWN).map((gap) => /** @type {[Word, string]} */ ([
        "gaps",
        `${gap.camera} ${gap.stream}: ${local(gap.start, site.zone)} – ${local(gap.end, site.zone)}, ` +
          say(/** @type {Word} */ (`gap_${gap.cause}`)),
      ])),
    );
  }
  return pairs.flatMap(([word, text]) => [element("dt", say(word)), element("dd", plain(text))]);
}

/** @param {string} moment @param {string} zone */
function local(moment, zone) {
  try {
    return new Date(moment).toLocaleString("sv-SE", { timeZone: zone });
  } catch {
    return moment; // a zone that nobody knows
  }
}

for (const button of document.querySelectorAll("[data-language]")) {
  const language = /** @type {keyof typeof LANGUAGES} */ (button.getAttribute("data-language"));
  button.addEventListener("click", () => speak(language));
}
at("key").addEventListener("input", show);
// So that the same file can be chosen again.
for (const id of ["zip", "folder"]) at(id).addEventListener("click", () => (at(id).value = ""));
at("zip").addEventListener("change", () => {
  const file = at("zip").files[0];
  if (file) check(() => fromZip(file));
});
at("folder").addEventListener("change", () => {
  const files = [...at("folder").files];
  if (files.length > 0) check(async () => fromFolder(files));
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const item = event.dataTransfer?.items[0];
  const [entry, file] = [item?.webkitGetAsEntry(), item?.getAsFile()];
  if (entry?.isDirectory) check(() => fromDrop(/** @type {FileSystemDirectoryEntry} */ (entry)));
  else if (file) check(() => fromZip(file));
});
at("insecure").hidden = globalThis.crypto?.subtle !== undefined;
speak(navigator.language.startsWith("en") ? "en" : "vi");
