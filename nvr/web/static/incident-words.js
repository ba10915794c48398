/** @import {App, Incident, Outcome, Response} from "./types.js" */
import { h, icon } from "./dom.js";
import { known, sentence, t } from "./i18n.js";

/** In place of a camera's id: the incident is about no single camera, and has no footage. */
export const SITE = "*";

/** "Person at the main gate" @param {Incident} incident */
export function incidentTitle(incident) {
  return sentence(t("incident.title", { kind: kindWord(incident.kind), camera: incident.camera_name }));
}

/** @param {string} kind */
export function kindWord(kind) {
  return known(`kind.${kind}`) ? t(`kind.${kind}`) : kind;
}

/** What the appliance did by itself. @param {Response} response */
export function responseBadge(response) {
  return h("span", { class: `badge response-${response}` }, t(`response.${response}`));
}

/** What it turned out to be. @param {Outcome} outcome */
export function outcomeWord(outcome) {
  return t(`outcome.${outcome}`);
}

/**
 * What was done about it last, by whom and when: by the hour in the list, with the day in `full`.
 *
 * @param {Incident} incident
 * @param {App} app
 * @param {boolean} [full]
 */
export function handledBadge(incident, app, full = false) {
  const { outcome } = incident;
  const atS = outcome ? incident.resolved_s : incident.acknowledged_s;
  if (atS === null) {
    // What was only recorded asks nothing of anybody.
    return incident.response === "record" ? null : h("span", { class: "badge open" }, t("incident.open"));
  }
  const words = t(outcome ? "incident.resolved_by" : "incident.acknowledged_by", {
    outcome: outcome ? outcomeWord(outcome) : "",
    name: (outcome ? incident.resolved_by : incident.acknowledged_by) ?? "",
    time: full ? app.time.moment(atS, app.store.nowS()) : app.time.hourMinute(atS),
  });
  return h("span", { class: `badge ${outcome ? `outcome-${outcome}` : "done"}` }, icon("check"), words);
}

/** That it came about in a quiet test. @param {Incident} incident */
export function testBadge({ test }) {
  return test ? h("span", { class: "badge" }, t("trial.quiet")) : null;
}

/** What happened where in the picture; null where there is nothing to tell. @param {Pick<Incident, "zone" | "rule">} it */
export function zoneWord({ zone, rule }) {
  if (rule === "cross_left" || rule === "cross_right") return t("line.crossed", { line: zone });
  const isWhole = zone === "*" || zone === "";
  if (rule === "loiter") return isWhole ? t("zone.loitered_anywhere") : t("zone.loitered", { zone });
  return isWhole ? null : t("zone.named", { zone });
}

/**
 * Picture of the object where there is one, else the whole; a stand-in while there is none.
 *
 * @param {Incident} incident
 * @param {string} className
 */
export function bestPicture(incident, className) {
  return picture(incident.best ?? incident.picture, incident.best ? `${className} of-object` : className);
}

/** Picture, or a stand-in while there is none. @param {Incident} incident @param {string} className */
export function incidentPicture(incident, className) {
  return picture(incident.picture, className);
}

/** @param {string | null} src @param {string} className */
function picture(src, className) {
  if (src === null) return h("span", { class: `${className} no-picture` }, icon("live"), t("incident.no_picture"));
  return h("img", { class: className, src, alt: "", loading: "lazy", decoding: "async" });
}
