import { ApiError, errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";

/** The dates on which the entries of holidays hold. */
export class NvrScheduleHolidays extends NvrElement {
  /** Called with all that are to be; throws ApiError. @type {(holidays: string[]) => Promise<void>} */
  save = async () => {};
  #list = h("ul", { class: "plan-dates" });
  #warning = h("p", { class: "stock-trouble", hidden: true });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #date = h("input", { type: "date", class: "camera-choice" });
  #yearly = h("button", { type: "button", class: "button quiet", "aria-pressed": "true" });
  #form = h("form", { class: "plan-when", novalidate: true });
  /** @type {string[]} */
  #holidays = [];

  build() {
    this.#date.setAttribute("aria-label", t("schedule.date"));
    fill(this.#yearly, t("schedule.yearly"));
    this.#yearly.onclick = () => {
      this.#yearly.setAttribute("aria-pressed", String(this.#yearly.getAttribute("aria-pressed") !== "true"));
    };
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      void this.#add();
    };
    fill(this.#form, this.#date, this.#yearly, h("button", { type: "submit", class: "button quiet" }, icon("plus"), t("schedule.add_date")));
    fill(this, h("h2", null, t("schedule.holidays")), h("p", { class: "dim small" }, t("schedule.holidays_hint")), this.#list, this.#warning, this.#form, this.#error);
  }

  /** @param {string[]} holidays @param {boolean} isIdle nothing changes on them @param {boolean} mayChange */
  show(holidays, isIdle, mayChange) {
    this.#holidays = holidays;
    this.#form.hidden = !mayChange;
    this.#warning.hidden = !isIdle;
    fill(this.#warning, icon("alert"), t("schedule.idle_holidays"));
    // Those of each year first, by day; then the others in order of time.
    const sorted = [...holidays].sort((a, b) => a.length - b.length || a.localeCompare(b));
    fill(
      this.#list,
      sorted.map((day) => {
        const words = dateWords(day);
        const remove = { type: "button", class: "icon-button", "aria-label": t("schedule.remove_date", { date: words }) };
        const onclick = () => void this.#send(holidays.filter((other) => other !== day));
        return h("li", { "data-holiday": day }, words, mayChange && h("button", { ...remove, onclick }, icon("cross")));
      }),
      !holidays.length && h("li", { class: "dim" }, t("schedule.no_holidays")),
    );
  }

  async #add() {
    const date = this.#date.value;
    const day = this.#yearly.getAttribute("aria-pressed") === "true" ? date.slice(5) : date;
    if (!day) return this.#fail(new ApiError(0, "schedule_holiday"));
    if (this.#holidays.includes(day)) return this.#fail(new ApiError(0, "schedule_holiday_twice"));
    if (await this.#send([...this.#holidays, day])) this.#date.value = "";
  }

  /** @param {string[]} holidays */
  async #send(holidays) {
    this.#error.hidden = true;
    try {
      await this.save(holidays);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

/** 01/01, or 06/02/2027 @param {string} day */
function dateWords(day) {
  const words = day.split("-").reverse().join("/");
  return day.length > 5 ? words : t("schedule.each_year", { date: words });
}

customElements.define("nvr-schedule-holidays", NvrScheduleHolidays);
