/** @import {App} from "./types.js" */
/** @import {PlannedDay, SetTo, WeeklySchedule} from "./schedule-types.js" */
import { h } from "./dom.js";
import { sentence, t } from "./i18n.js";
import { setting, settingWords } from "./schedule-words.js";

const TICKS = [0, 6, 12, 18, 24];

/**
 * A part of a day in which the site is set to one thing. `set`: null where nobody knows. `byHand`: somebody chose it,
 * against the schedule.
 *
 * @typedef {{startS: number, endS: number, set: SetTo | null, byHand: boolean}} Band
 */

/**
 * @param {PlannedDay} day
 * @param {{startS: number, endS: number, set: SetTo} | null} now what holds until the next change
 * @returns {Band[]}
 */
export function bandsOf(day, now) {
  const changes = day.before ? [{ ...day.before, at_s: day.start_s }, ...day.changes] : day.changes;
  const edges = [day.start_s, ...day.changes.map(({ at_s: atS }) => atS), day.end_s];
  const bands = edges.slice(1).map((endS, n) => {
    const change = changes[day.before ? n : n - 1];
    return { startS: edges[n] ?? endS, endS, set: change ? setting(change) : null, byHand: false };
  });
  if (!now) return bands;
  return bands
    .flatMap((band) => {
      const [from, to] = [Math.max(band.startS, now.startS), Math.min(band.endS, now.endS)];
      if (from >= to || band.set === now.set) return band;
      return [
        { ...band, endS: from },
        { startS: from, endS: to, set: now.set, byHand: true },
        { ...band, startS: to },
      ];
    })
    .filter(({ startS, endS }) => startS < endS);
}

/**
 * The coming days, a row each, as they will be.
 *
 * @param {WeeklySchedule} schedule
 * @param {App} app
 */
export function drawWeek(schedule, app) {
  const nowS = app.store.nowS();
  const now = current(schedule, app, nowS);
  const bands = schedule.week.map((day) => bandsOf(day, now));
  const rows = schedule.week.map((day, n) => drawDay(day, bands[n] ?? [], app, nowS));
  const shown = bands.flat();
  /** @param {string} looks @param {string} set @param {string} words */
  const key = (looks, set, words) => h("li", null, h("span", { class: `plan-key${looks}`, "data-set": set }), words);
  const byHand = shown.find((band) => band.byHand);
  const legend = [
    ...[...new Set(shown.map(({ set }) => set))].map((set) => key("", set ?? "", set ? settingWords(set) : t("schedule.unknown"))),
    byHand ? key(" by-hand", byHand.set ?? "", t("schedule.by_hand")) : null,
    schedule.has_coordinates ? key(" sun", "sun", t("schedule.sun")) : null,
  ];
  const ticks = h("div", { class: "plan-ticks", "aria-hidden": "true" });
  for (const hour of TICKS) {
    const tick = h("span", null, hour);
    tick.style.left = `${(hour / 24) * 100}%`;
    ticks.append(tick);
  }
  return [h("ul", { class: "plan-legend" }, legend), ticks, ...rows];
}

/** What holds now, until the schedule's next change. @param {WeeklySchedule} schedule @param {App} app @param {number} nowS */
function current(schedule, app, nowS) {
  const { alarm } = app.store.state;
  const last = schedule.week.at(-1);
  if (!alarm || !last) return null;
  const planned = plannedAt(schedule, nowS);
  // In which mode a person armed is told by newer appliances only.
  const mode = alarm.mode ?? (planned === "off" || planned === null ? "night" : planned);
  return { startS: nowS, endS: schedule.next?.at_s ?? last.end_s, set: alarm.armed ? mode : /** @type {const} */ ("off") };
}

/** @param {WeeklySchedule} schedule @param {number} nowS */
function plannedAt({ week }, nowS) {
  const day = week.find(({ start_s: startS, end_s: endS }) => startS <= nowS && nowS < endS);
  return day ? (bandsOf(day, null).find(({ endS }) => nowS < endS)?.set ?? null) : null;
}

/** @param {PlannedDay} day @param {Band[]} bands @param {App} app @param {number} nowS */
function drawDay(day, bands, app, nowS) {
  const { time } = app;
  /** @param {number} s */
  const place = (s) => `${(100 * (s - day.start_s)) / (day.end_s - day.start_s)}%`;
  const isToday = day.start_s <= nowS && nowS < day.end_s;
  const told = bands.map(
    ({ startS, endS, set }) => `${time.hourMinute(startS)}–${time.hourMinute(endS)} ${set ? settingWords(set) : t("schedule.unknown")}`,
  );
  const bar = h("div", { class: "plan-bar", role: "img", "aria-label": told.join(", ") });
  for (const { startS, endS, set, byHand } of bands) {
    const band = h("div", { class: `plan-band${byHand ? " by-hand" : ""}`, "data-set": set ?? "" });
    band.style.left = place(startS);
    band.style.width = `${(100 * (endS - startS)) / (day.end_s - day.start_s)}%`;
    bar.append(band);
  }
  for (const [name, s] of /** @type {const} */ ([["sun", day.sunrise_s], ["sun", day.sunset_s], ["now", isToday ? nowS : null]])) {
    if (s === null || s < day.start_s || s >= day.end_s) continue;
    const mark = h("div", { class: `plan-${name}` });
    mark.style.left = place(s);
    bar.append(mark);
  }
  const starts = day.before?.at_s === day.start_s ? [day.before, ...day.changes] : day.changes;
  const changes = starts.map((change) => h("span", null, h("strong", null, time.hourMinute(change.at_s)), ` ${settingWords(setting(change))}`));
  return h(
    "div",
    { class: "plan-day", "data-date": day.date },
    h(
      "div",
      { class: "plan-head" },
      h(
        "p",
        { class: "plan-date" },
        isToday ? sentence(t("day.today")) : sentence(time.shortDay(day.start_s)),
        day.holiday && h("span", { class: "badge" }, t("schedule.holiday")),
      ),
      h("p", { class: "plan-times" }, changes.length ? changes : t("schedule.no_change")),
    ),
    bar,
  );
}
