import { h, icon, say } from "./dom.js";
import { t } from "./i18n.js";

/** So many characters fit beside each other on a phone; a longer text is wrapped. */
const ONE_LINE = 32;

/**
 * A text to be pasted elsewhere, with a button that copies it.
 *
 * @param {string} label
 * @param {string} text
 */
export function copyable(label, text) {
  const lines = text.trimEnd().split("\n").length;
  const least = text.length > ONE_LINE ? 2 : 1;
  const area = h("textarea", { class: "conf", readonly: true, rows: Math.min(Math.max(lines, least), 14), "aria-label": label, spellcheck: "false" });
  area.value = text;
  const said = h("p", { class: "small", role: "status" });
  const copy = async () => {
    area.select(); // so that it can be copied by hand where the browser does not let us
    try {
      await navigator.clipboard.writeText(text);
      say(said, t("copy.done"));
    } catch {
      say(said, t("copy.by_hand"));
    }
  };
  const button = h("button", { type: "button", class: "button quiet wide", onclick: () => void copy() }, icon("copy"), t("copy"));
  return h("div", { class: "copyable" }, h("p", { class: "small dim" }, label), area, button, said);
}
