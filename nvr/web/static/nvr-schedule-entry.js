/** @import {ScheduleEntry, SetTo} from "./schedule-types.js" */
import { ApiError, errorText } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { EVERY_DAY, SETTINGS, dayName, offsetWords, parseAt, settingWords, sunAt } from "./schedule-words.js";

const OFFSETS = [-120, -90, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90, 120];
/** @type {ScheduleEntry} */
const NEW = { days: EVERY_DAY, at: "22:00", set: "night" };

/** Asks for one moment of change: on which days, when, and what the site is set to. */
export class NvrScheduleEntry extends NvrElement {
  #dialog = h("dialog", { class: "sheet plan-sheet", "aria-labelledby": "entry-title" });
  #errors = { days: alertLine(), at: alertLine(), set: alertLine(), all: alertLine() };
  /** @type {ScheduleEntry} */
  #entry = NEW;
  #by = h("select", { class: "camera-choice", onchange: () => this.#showTime() });
  #clock = h("input", { type: "time", class: "camera-choice", required: true });
  #offset = h("select", { class: "camera-choice" });
  #choices = h("div", { class: "plan-chips of-settings" });
  #days = h("div", { class: "plan-chips" });

  build() {
    fill(this, this.#dialog);
  }

  /** Whether it is being filled in. */
  get isOpen() {
    return this.#dialog.open;
  }

  /**
   * @param {ScheduleEntry | null} entry null: a new one
   * @param {boolean} hasSun whether the appliance knows where it is
   * @param {(entry: ScheduleEntry | null) => Promise<void>} save null: remove it; throws ApiError
   */
  open(entry, hasSun, save) {
    this.#entry = { ...(entry ?? NEW) };
    for (const line of Object.values(this.#errors)) line.hidden = true;
    this.#fillTime(hasSun);
    this.#showChoices();
    const submit = h("button", { type: "submit", class: "button primary wide" }, t("schedule.save"));
    const remove = h("button", { type: "button", class: "button danger-outline wide" }, t("schedule.remove"));
    remove.addEventListener("click", () => void this.#send(save, null));
    fill(
      this.#dialog,
      h("h2", { id: "entry-title" }, t(entry ? "schedule.edit" : "schedule.add")),
      h(
        "form",
        {
          novalidate: true,
          onsubmit: (event) => {
            event.preventDefault();
            void this.#send(save, this.#read());
          },
        },
        group(t("schedule.days"), this.#days, this.#errors.days),
        group(t("schedule.when"), h("div", { class: "plan-when" }, this.#by, this.#clock, this.#offset), this.#errors.at),
        hasSun ? null : h("p", { class: "hint" }, t("schedule.no_sun")),
        group(t("schedule.set_to"), this.#choices, this.#errors.set),
        this.#errors.all,
        submit,
      ),
      entry && remove,
      h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, t("schedule.cancel")),
    );
    this.#dialog.showModal();
    this.#dialog.scrollTo(0, 0);
  }

  #showChoices() {
    const { days, set } = this.#entry;
    fill(
      this.#days,
      EVERY_DAY.map((day) =>
        chip(dayName(day), days.includes(day), { "data-day": day }, () => {
          const others = days.filter((other) => other !== day);
          this.#take({ days: others.length === days.length ? [...days, day] : others });
        }),
      ),
    );
    fill(
      this.#choices,
      SETTINGS.map((one) => chip(settingWords(one), one === set, { "data-set": one }, () => this.#take({ set: one }))),
    );
  }

  /** @param {Partial<ScheduleEntry>} change */
  #take(change) {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const at = focused?.dataset.day ? `[data-day="${focused.dataset.day}"]` : `[data-set="${focused?.dataset.set}"]`;
    Object.assign(this.#entry, change);
    this.#showChoices();
    /** @type {HTMLElement | null} */ (this.#dialog.querySelector(at))?.focus();
  }

  /** @param {boolean} hasSun */
  #fillTime(hasSun) {
    const { by, clock, minutes } = parseAt(this.#entry.at);
    this.#by.setAttribute("aria-label", t("schedule.when"));
    this.#clock.setAttribute("aria-label", t("schedule.clock"));
    this.#offset.setAttribute("aria-label", t("schedule.offset"));
    const sources = /** @type {const} */ (["clock", "sunset", "sunrise"]);
    fill(
      this.#by,
      sources.map((one) => h("option", { value: one, disabled: one !== "clock" && !hasSun }, t(`schedule.by.${one}`))),
    );
    const offered = OFFSETS.includes(minutes) ? OFFSETS : [...OFFSETS, minutes].sort((a, b) => a - b);
    fill(this.#offset, offered.map((one) => h("option", { value: one }, offsetWords(one))));
    this.#by.value = by;
    this.#clock.value = clock;
    this.#offset.value = String(minutes);
    this.#showTime();
  }

  #showTime() {
    const byClock = this.#by.value === "clock";
    this.#clock.hidden = !byClock;
    this.#offset.hidden = byClock;
  }

  /** @returns {ScheduleEntry} */
  #read() {
    const by = this.#by.value;
    const at = by === "sunset" || by === "sunrise" ? sunAt(by, Number(this.#offset.value)) : this.#clock.value;
    return { ...this.#entry, days: EVERY_DAY.filter((day) => this.#entry.days.includes(day)), at };
  }

  /** @param {(entry: ScheduleEntry | null) => Promise<void>} save @param {ScheduleEntry | null} entry */
  async #send(save, entry) {
    for (const line of Object.values(this.#errors)) line.hidden = true;
    const buttons = this.#dialog.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    try {
      if (entry && !entry.at) throw new ApiError(0, "schedule_at", null, "at");
      if (entry && !entry.days.length) throw new ApiError(0, "schedule_days", null, "days");
      await save(entry);
      this.#dialog.close();
    } catch (error) {
      const field = error instanceof ApiError ? error.place.split(".").at(-1) : "";
      const line = field === "days" || field === "at" || field === "set" ? this.#errors[field] : this.#errors.all;
      say(line, errorText(error));
      line.hidden = false;
      line.scrollIntoView({ block: "nearest" });
    }
    for (const button of buttons) button.disabled = false;
  }
}

function alertLine() {
  return h("p", { class: "error", role: "alert", hidden: true });
}

/** @param {string} words @param {HTMLElement} fields @param {HTMLElement} error */
function group(words, fields, error) {
  const part = h("fieldset", null, h("legend", null, words), fields, error);
  return part;
}

/** @param {string} words @param {boolean} pressed @param {import("./dom.js").Props} data @param {() => void} onclick */
function chip(words, pressed, data, onclick) {
  return h("button", { type: "button", class: "button quiet", "aria-pressed": String(pressed), ...data, onclick }, words);
}

customElements.define("nvr-schedule-entry", NvrScheduleEntry);
