/** Words of the page. All of them are in /locales/<language>.json; the code knows only their keys. */

/** @typedef {"vi" | "en"} Language */
/** @typedef {Record<string, string | number>} Params */

const REMEMBERED = "nvr.language";

/** @type {Record<string, string>} */
let words = {};
/** @type {Language} */
let current = "vi";

/** @param {unknown} name @returns {name is Language} */
export function isLanguage(name) {
  return name === "vi" || name === "en";
}

/** @returns {Language} */
export function language() {
  return current;
}

/** The language for `Intl`: English with days before months and 24 hours. */
export function intlLocale() {
  return current === "vi" ? "vi" : "en-GB";
}

/**
 * What this device chose before, else the site's language.
 *
 * @param {string} siteLanguage
 * @returns {Language}
 */
export function preferredLanguage(siteLanguage) {
  let chosen = null;
  try {
    chosen = localStorage.getItem(REMEMBERED);
  } catch {
    // Storage is closed in some private windows; the site's language will do.
  }
  if (isLanguage(chosen)) return chosen;
  return isLanguage(siteLanguage) ? siteLanguage : "vi";
}

/** @param {Language} name */
export function rememberLanguage(name) {
  try {
    localStorage.setItem(REMEMBERED, name);
  } catch {
    // As above: it holds until the page is closed.
  }
}

/** @param {Language} name */
export async function loadLanguage(name) {
  const answer = await fetch(`/locales/${name}.json`);
  if (!answer.ok) throw new Error(`/locales/${name}.json: ${answer.status}`);
  words = await answer.json();
  current = name;
  document.documentElement.lang = name;
}

/** @param {string} key */
export function known(key) {
  return Object.hasOwn(words, key);
}

/**
 * The words for `key` with `{name}` replaced from `params`.
 *
 * @param {string} key
 * @param {Params} [params]
 */
export function t(key, params = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

/**
 * Like `t` for a count: `key.one` or `key.other` by the language's rule; `{n}` is the count.
 *
 * @param {string} key
 * @param {number} n
 * @param {Params} [params]
 */
export function tn(key, n, params = {}) {
  const form = new Intl.PluralRules(intlLocale()).select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { n: new Intl.NumberFormat(intlLocale()).format(n), ...params });
}

/**
 * The words for `key`, or null if there are none or a placeholder has no value.
 *
 * @param {string} key
 * @param {Params} params
 */
export function tIfComplete(key, params) {
  if (!known(key)) return null;
  const text = t(key, params);
  return /\{\w+\}/.test(text) ? null : text;
}

/** @param {string} text */
export function sentence(text) {
  return text.charAt(0).toLocaleUpperCase(intlLocale()) + text.slice(1);
}

/** 0.8, or 0,8 where that is how it is written. @param {number} value */
export function decimal(value) {
  return new Intl.NumberFormat(intlLocale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
}

/** 82% @param {number} share */
export function percent(share) {
  return new Intl.NumberFormat(intlLocale(), { style: "percent" }).format(share);
}
