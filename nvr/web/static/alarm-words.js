/** @import {Alarm, App, Siren} from "./types.js" */
import { known, t } from "./i18n.js";
import { span, stopwatch } from "./time.js";

/** "An armed it at 22:04, today" @param {Alarm} alarm @param {App} app */
export function whyWords(alarm, app) {
  const what = alarm.armed ? "armed" : "disarmed";
  return t(`alarm.why.${alarm.why}.${what}`, {
    name: alarm.actor ?? "",
    time: app.time.moment(alarm.since_s, app.store.nowS()),
  });
}

/** @param {Alarm} alarm @param {App} app */
export function nextChangeWords(alarm, app) {
  const next = alarm.next_change;
  if (!next) return t("alarm.no_schedule");
  const nowS = app.store.nowS();
  return t(next.armed ? "alarm.next.armed" : "alarm.next.disarmed", {
    time: app.time.moment(next.at_s, nowS),
    span: span(next.at_s - nowS),
  });
}

/** @param {Siren} siren */
export function sounding(siren) {
  return siren.on || siren.wanted;
}

/** What the siren does now. @param {Siren} siren */
export function sirenWords(siren) {
  if (!siren.configured) return t("siren.none");
  if (siren.on) return t(siren.wanted ? "siren.sounding" : "siren.stopping");
  if (siren.link !== "up") return t("siren.link_down");
  return t(siren.wanted ? "siren.starting" : "siren.silent");
}

/** When it ends by itself, or why it ended. @param {Siren} siren @param {App} app */
export function sirenNote(siren, app) {
  const nowS = app.store.nowS();
  if (sounding(siren)) {
    return siren.ends_s === null ? "" : t("siren.ends_in", { time: stopwatch(siren.ends_s - nowS) });
  }
  if (siren.cooldown_until_s !== null && siren.cooldown_until_s > nowS) {
    return t("siren.cooling", { time: app.time.clock(siren.cooldown_until_s) });
  }
  const cause = `siren.cause.${siren.cause?.replaceAll(" ", "_")}`;
  return known(cause) ? t(cause) : "";
}
