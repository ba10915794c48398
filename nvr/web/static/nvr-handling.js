/** @import {HistoryEntry, Incident, Outcome} from "./types.js" */
import { ApiError, errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { AskForm, area } from "./form.js";
import { sentence, t } from "./i18n.js";
import { outcomeWord } from "./incident-words.js";
import { span, stopwatch } from "./time.js";

const OUTCOMES = /** @type {Outcome[]} */ (["real", "false_alarm", "test", "other"]);
const MOST_TEXT = 2000;

/** What staff do about an incident, what they did, and how long it took. */
export class NvrHandling extends NvrElement {
  /** Called with the incident as it is after each change. */
  changed = (/** @type {Incident} */ _incident) => {};
  #times = h("p", { class: "dim" });
  #history = h("ol", { class: "history" });
  #tools = h("div", { class: "tools" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "handling-title" });

  build() {
    fill(this, this.#times, this.#history, this.#error, this.#tools, this.#dialog);
  }

  /** @param {Incident} incident */
  show(incident) {
    const { opened_s: openedS, acknowledged_s: takenS, resolved_s: resolvedS } = incident;
    const times = [
      takenS === null ? "" : t("incident.taken_after", { time: lapse(takenS - openedS) }),
      resolvedS === null ? "" : t("incident.resolved_after", { time: lapse(resolvedS - openedS) }),
    ];
    say(this.#times, sentence(times.filter(Boolean).join(" · ")));
    if (incident.history) fill(this.#history, incident.history.map((entry) => this.#entry(entry)));
    if (!this.app.store.may("handle")) return fill(this.#tools);
    /** @param {string} looks @param {string} words @param {() => void} then */
    const button = (looks, words, then) =>
      h("button", { type: "button", class: `button wide ${looks}`, onclick: then }, words);
    const resolve = () => this.#askOutcome(incident.id);
    const open = takenS === null;
    fill(
      this.#tools,
      open ? button("primary", t("incident.acknowledge"), () => this.#acknowledge(incident.id)) : null,
      incident.outcome === null
        ? button(open ? "quiet" : "primary", t("resolve.open"), resolve)
        : button("quiet", t("reopen.open"), () => this.#askReason(incident.id)),
    );
  }

  /** @param {HistoryEntry} entry */
  #entry({ at_s: atS, by, outcome, note }) {
    const time = this.app.time.moment(atS, this.app.store.nowS());
    const words = outcome
      ? t("incident.resolved_by", { outcome: outcomeWord(outcome), name: by, time })
      : t("incident.reopened_by", { name: by, time });
    return h("li", null, h("p", { class: "small dim" }, words), note ? h("p", { class: "note" }, note) : null);
  }

  /** @param {number} id */
  async #acknowledge(id) {
    const button = this.#tools.querySelector("button");
    if (button) button.disabled = true;
    try {
      this.changed(await this.app.api.post(`/api/incidents/${id}/acknowledge`));
      this.#error.hidden = true;
    } catch (error) {
      if (button) button.disabled = false;
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }

  /** @param {number} id */
  #askOutcome(id) {
    const choices = OUTCOMES.map((outcome) =>
      h(
        "label",
        { class: "button quiet tall" },
        h("input", { type: "radio", name: "outcome", value: outcome }),
        outcomeWord(outcome),
      ),
    );
    const choice = h("fieldset", { class: "outcomes" }, h("legend", null, t("resolve.outcome")), choices);
    const note = area(t("resolve.note"), { name: "note", maxlength: MOST_TEXT }, t("resolve.note_hint"));
    this.#open(t("resolve.title"), t("resolve.submit"), [choice, note.row], async () => {
      const chosen = /** @type {HTMLInputElement | null} */ (choice.querySelector(":checked"));
      if (!chosen) throw new ApiError(0, "no_outcome");
      return this.#do(id, "resolve", { outcome: chosen.value, note: note.input.value });
    });
  }

  /** @param {number} id */
  #askReason(id) {
    const reason = area(t("reopen.reason"), { name: "reason", maxlength: MOST_TEXT, required: true });
    this.#open(t("reopen.title"), t("reopen.submit"), [reason.row], () =>
      this.#do(id, "reopen", { reason: reason.input.value }),
    );
    reason.input.focus();
  }

  /** @param {string} title @param {string} submit @param {HTMLElement[]} rows @param {() => Promise<void>} then */
  #open(title, submit, rows, then) {
    const close = h("button", { type: "button", class: "button quiet wide" }, t("close"));
    close.addEventListener("click", () => this.#dialog.close());
    fill(this.#dialog, h("h2", { id: "handling-title" }, title), new AskForm(submit, rows, then).form, close);
    this.#dialog.showModal();
  }

  /** @param {number} id @param {"resolve" | "reopen"} what @param {object} body */
  async #do(id, what, body) {
    try {
      this.changed(await this.app.api.post(`/api/incidents/${id}/${what}`, body));
      this.#dialog.close();
    } catch (error) {
      // Somebody else was quicker: what they did is shown behind the words.
      if (error instanceof ApiError && error.status === 409) {
        this.changed(await this.app.api.get(`/api/incidents/${id}`, this.gone));
      }
      throw error;
    }
  }
}

/** @param {number} s */
function lapse(s) {
  return s < 3600 ? stopwatch(s) : span(s);
}

customElements.define("nvr-handling", NvrHandling);
