/** @import {App, Incident, Response} from "./types.js" */
import { h, icon } from "./dom.js";
import { known, sentence, t } from "./i18n.js";

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

/**
 * Who took it on and when: by the hour in the list, with the day in `full`.
 *
 * @param {Incident} incident
 * @param {App} app
 * @param {boolean} [full]
 */
export function acknowledgedBadge(incident, app, full = false) {
  if (incident.acknowledged_s !== null) {
    const words = t("incident.acknowledged_by", {
      name: incident.acknowledged_by ?? "",
      time: full
        ? app.time.moment(incident.acknowledged_s, app.store.nowS())
        : app.time.hourMinute(incident.acknowledged_s),
    });
    return h("span", { class: "badge done" }, icon("check"), words);
  }
  // What was only recorded asks nothing of anybody.
  return incident.response === "record" ? null : h("span", { class: "badge open" }, t("incident.open"));
}

/** What happened where in the picture; null where there is nothing to tell. @param {Incident} incident */
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
