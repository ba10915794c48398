/** @import {Alarm, App, Siren} from "./types.js" */
import { known, sentence, t } from "./i18n.js";
import { kindWord, zoneWord } from "./incident-words.js";
import { span, stopwatch } from "./time.js";

/** What the site is doing, in a word or two. @param {Alarm} alarm */
export function stateWord({ state, would_sound: wouldSound, siren }) {
  if (wouldSound) return t("alarm.would_sound");
  if (siren.test) return t("alarm.testing");
  return known(`alarm.state.${state}`) ? t(`alarm.state.${state}`) : sentence(String(state));
}

/** @param {string} mode */
export function modeWord(mode) {
  return known(`mode.${mode}`) ? t(`mode.${mode}`) : mode;
}

/** "An armed it at 22:04, today" @param {Alarm} alarm @param {App} app */
export function whyWords(alarm, app) {
  const key = `alarm.why.${alarm.why}.${alarm.armed ? "armed" : "disarmed"}`;
  return t(known(key) ? key : "alarm.since", {
    name: alarm.actor ?? "",
    time: app.time.moment(alarm.since_s, app.store.nowS()),
  });
}

/** @param {Alarm} alarm @param {App} app */
export function nextChangeWords(alarm, app) {
  const next = alarm.next_change;
  if (!next) return t("alarm.no_schedule");
  const nowS = app.store.nowS();
  return t(!next.armed ? "alarm.next.disarmed" : next.mode ? "alarm.next.mode" : "alarm.next.armed", {
    time: app.time.moment(next.at_s, nowS),
    span: span(next.at_s - nowS),
    mode: next.mode ? modeWord(next.mode).toLocaleLowerCase() : "",
  });
}

/** Who or what was seen where and when; of a siren started by hand, that. @param {Alarm} alarm @param {App} app */
export function aboutWords({ about, state, siren }, app) {
  if (!about) return state === "sounding" && !siren.test ? t("alarm.by_hand") : "";
  const camera = about.camera === "*" ? "" : app.store.cameraName(about.camera);
  const zone = zoneWord({ zone: about.zone, rule: "enter" });
  return [sentence(kindWord(about.kind)), camera, zone, app.time.clock(about.at_s)].filter(Boolean).join(" · ");
}

/** What it means for whoever reads it, and what to do. @param {Alarm} alarm @param {App} app */
export function adviceWords(alarm, app) {
  const { state, deadline_s: deadlineS, siren } = alarm;
  if (alarm.would_sound) return t("alarm.advice.would_sound");
  if (sounding(siren)) return sirenNote(siren, app);
  if (state === "silenced") return deadlineS === null ? "" : t("siren.cooling", { time: app.time.clock(deadlineS) });
  if (state === "fault") return faultWords(alarm, app);
  return known(`alarm.advice.${state}`) ? t(`alarm.advice.${state}`) : "";
}

/** What cannot act, and what is done instead. @param {Alarm} alarm @param {App} app */
function faultWords({ missing, instead }, app) {
  const things = missing.map((thing) => {
    if (thing.startsWith("camera:")) return t("alarm.missing.camera", { camera: app.store.cameraName(thing.slice(7)) });
    return known(`alarm.missing.${thing}`) ? t(`alarm.missing.${thing}`) : thing;
  });
  const what = things.length ? t("alarm.missing", { things: things.join(", ") }) : t("alarm.missing.something");
  return `${what} ${t(`alarm.instead.${instead}`)}`;
}

/** Whether something happened that is not over. @param {Alarm} alarm */
export function isAlarmed({ state, ringing }) {
  return ringing.length > 0 || ["calling", "warning", "sounding", "silenced"].includes(state);
}

/** @param {Siren} siren */
export function sounding(siren) {
  return siren.on || siren.wanted;
}

/** What the siren does now. @param {Siren} siren */
export function sirenWords(siren) {
  if (!siren.configured) return t("siren.none");
  if (siren.test && sounding(siren)) return t("alarm.testing");
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
