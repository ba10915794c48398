/** @import {Delivery} from "./types.js" */
/** @import {SiteTime} from "./time.js" */
import { known, t } from "./i18n.js";

/** Why something did not arrive; the recorder says a word, and behind a colon what varies. @param {string} problem */
export function problemWord(problem) {
  const [word = "", what = ""] = problem.split(":");
  const key = `notify.problem.${word}`;
  return known(key) ? t(key, { what }) : problem;
}

/**
 * What became of one delivery.
 *
 * @param {Delivery} delivery
 * @param {SiteTime} time
 */
export function deliveryWords({ state, due_s: dueS, changed_s: changedS, attempts, problem }, time) {
  const why = problem === null ? "" : problemWord(problem);
  switch (state) {
    case "delivered":
      return t("delivery.delivered", { time: time.hourMinute(changedS) });
    case "withdrawn":
      return t("delivery.withdrawn");
    case "given_up":
      return t("delivery.given_up", { problem: why });
    case "waiting":
      return attempts
        ? t("delivery.failing", { problem: why, time: time.hourMinute(changedS) })
        : t("delivery.due", { time: time.hourMinute(dueS) });
  }
}
