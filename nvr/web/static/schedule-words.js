/** @import {App} from "./types.js" */
/** @import {PlannedChange, ScheduleEntry, SetTo} from "./schedule-types.js" */
import { intlLocale, sentence, t } from "./i18n.js";
import { span } from "./time.js";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const EVERY_DAY = [...WEEKDAYS, "holiday"];
/** @type {SetTo[]} */
export const SETTINGS = ["off", "home", "night", "away"];
const PARTS = /** @type {const} */ ([
  [4, "dawn"],
  [11, "morning"],
  [13, "noon"],
  [18, "afternoon"],
  [24, "evening"],
]);

/** What a change sets the site to. @param {{mode: import("./types.js").Mode | null}} change @returns {SetTo} */
export function setting({ mode }) {
  return mode ?? "off";
}

/** "Night" @param {SetTo} set */
export function settingWords(set) {
  return t(`schedule.set.${set}`);
}

/**
 * "This evening 22:00: arms for the night".
 *
 * @param {PlannedChange} change
 * @param {App} app
 */
export function changeWords(change, { time, store }) {
  const clock = time.hourMinute(change.at_s);
  const part = t(`schedule.part.${PARTS.find(([until]) => Number(clock.slice(0, 2)) < until)?.[1] ?? "evening"}`);
  const nowS = store.nowS();
  const inDays = ["today", "tomorrow"].find((day) => time.day(change.at_s, nowS) === t(`day.${day}`)) ?? "later";
  const when = t(`schedule.when.${inDays}`, inDays === "later" ? { part, day: time.day(change.at_s, nowS) } : { part });
  return sentence(t("schedule.change", { when, time: clock, what: t(`schedule.will.${setting(change)}`) }));
}

/** "Mon" @param {string} day */
export function dayName(day) {
  if (day === "holiday") return t("schedule.holiday");
  const monday = Date.UTC(2024, 0, 1) + WEEKDAYS.indexOf(day) * 86_400_000;
  return sentence(new Intl.DateTimeFormat(intlLocale(), { weekday: "short", timeZone: "UTC" }).format(monday));
}

/** "Mon – Fri, Sun" @param {string[]} days */
export function daysWords(days) {
  if (days.length === EVERY_DAY.length) return t("schedule.every_day");
  /** @type {string[][]} */
  const runs = [];
  for (const day of EVERY_DAY.filter((one) => days.includes(one))) {
    const run = runs.at(-1);
    if (run && day !== "holiday" && EVERY_DAY.indexOf(run.at(-1) ?? "") === EVERY_DAY.indexOf(day) - 1) run.push(day);
    else runs.push([day]);
  }
  return runs
    .flatMap((run) => {
      const names = run.map(dayName);
      return run.length > 2 ? `${names[0]} – ${names.at(-1)}` : names;
    })
    .join(", ");
}

/**
 * "22:00" or "sunset-00:30" taken apart; `minutes` after the sun, or negative before it.
 *
 * @param {string} at
 * @returns {{by: "clock" | "sunrise" | "sunset", clock: string, minutes: number}}
 */
export function parseAt(at) {
  const found = /^(sunrise|sunset)(?:([+-])(\d\d):(\d\d))?$/.exec(at);
  if (!found) return { by: "clock", clock: at, minutes: 0 };
  const minutes = Number(found[3] ?? 0) * 60 + Number(found[4] ?? 0);
  return { by: found[1] === "sunrise" ? "sunrise" : "sunset", clock: "", minutes: found[2] === "-" ? -minutes : minutes };
}

/** As `parseAt` takes it apart. @param {"sunrise" | "sunset"} by @param {number} minutes */
export function sunAt(by, minutes) {
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const length = Math.abs(minutes);
  return minutes ? `${by}${minutes < 0 ? "-" : "+"}${pad(Math.floor(length / 60))}:${pad(length % 60)}` : by;
}

/** "30 minutes before" @param {number} minutes */
export function offsetWords(minutes) {
  if (!minutes) return t("schedule.offset.none");
  return t(`schedule.offset.${minutes < 0 ? "before" : "after"}`, { span: span(Math.abs(minutes) * 60) });
}

/** "22:00", "sunset, 30 minutes before" @param {ScheduleEntry} entry */
export function atWords({ at }) {
  const { by, clock, minutes } = parseAt(at);
  if (by === "clock") return clock;
  return minutes ? `${t(`schedule.by.${by}`)}, ${offsetWords(minutes)}` : t(`schedule.by.${by}`);
}
