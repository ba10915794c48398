/** @import {ScheduleEntry, WeeklySchedule} from "./schedule-types.js" */
import { ApiError, errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrScheduleEntry } from "./nvr-schedule-entry.js";
import { NvrScheduleHolidays } from "./nvr-schedule-holidays.js";
import { drawWeek } from "./schedule-week.js";
import { atWords, changeWords, daysWords, parseAt, settingWords } from "./schedule-words.js";

/** When the site is armed and disarmed by itself: the coming week at a glance, and the entries that make it. */
export class NvrSchedule extends NvrElement {
  #next = h("p", { class: "plan-next", role: "status" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #week = h("div", { class: "plan-week" });
  #entries = h("div", { class: "plan-entries" });
  #source = h("div", { class: "plan-source" });
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "withdraw-title" });
  #editor = /** @type {NvrScheduleEntry} */ (/** @type {unknown} */ (null));
  #holidays = /** @type {NvrScheduleHolidays} */ (/** @type {unknown} */ (null));
  /** @type {WeeklySchedule | null} */
  #schedule = null;
  #told = "";

  build() {
    this.#editor = make(NvrScheduleEntry, this.app);
    this.#holidays = make(NvrScheduleHolidays, this.app, "card plan-part");
    this.#holidays.save = (holidays) => this.#save(this.#schedule, { holidays });
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/alarm", "aria-label": t("back.alarm") }, icon("back")),
        h("h1", null, t("schedule.title")),
      ),
      this.#error,
      h("section", { class: "card plan-part plan-coming" }, this.#next, this.#week),
      h("section", { class: "plan-part" }, h("h2", null, t("schedule.entries")), this.#entries, this.#source),
      this.#holidays,
      this.#editor,
      this.#dialog,
    );
    fill(this.#next, t("loading"));
    this.watch(["alarm", "session"], () => this.#follow());
    this.every(30, () => this.#follow());
  }

  get #mayChange() {
    return this.app.store.may("administer");
  }

  /** Time goes on, and somebody may have changed the schedule elsewhere: then the appliance's next change is another. */
  #follow() {
    const { alarm, session } = this.app.store.state;
    const isOver = (this.#schedule?.week[0]?.end_s ?? Infinity) < this.app.store.nowS();
    const told = JSON.stringify([alarm?.next_change?.at_s, session?.account?.role, isOver]);
    if (told !== this.#told) void this.#load();
    else if (this.#schedule) fill(this.#week, drawWeek(this.#schedule, this.app));
    this.#told = told;
  }

  async #load() {
    try {
      this.#show(await this.app.api.get("/api/schedule", this.gone));
      this.#error.hidden = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {WeeklySchedule} schedule */
  #show(schedule) {
    // What is being filled in was begun with what was seen then; the appliance will say if it has changed since.
    if (this.#editor.isOpen && this.#schedule) return;
    this.#schedule = schedule;
    const { next, change, holidays } = schedule;
    say(this.#next, next ? changeWords(next, this.app) : t(change.length ? "schedule.nothing_soon" : "alarm.no_schedule"));
    fill(this.#week, drawWeek(schedule, this.app));
    const sorted = change.map((entry, index) => ({ entry, index })).sort((a, b) => order(a.entry) - order(b.entry));
    fill(
      this.#entries,
      sorted.map(({ entry, index }) => this.#card(entry, index)),
      this.#mayChange &&
        h("button", { type: "button", class: "button quiet wide", onclick: () => this.#edit(null) }, icon("plus"), t("schedule.add")),
    );
    const isIdle = holidays.length > 0 && !change.some(({ days }) => days.includes("holiday"));
    this.#holidays.show(holidays, isIdle, this.#mayChange);
    this.#showSource(schedule);
  }

  /** @param {ScheduleEntry} entry @param {number} index */
  #card(entry, index) {
    const words = [
      h("span", { class: "plan-key", "data-set": entry.set }),
      h("span", { class: "plan-what" }, h("strong", null, atWords(entry)), h("span", null, settingWords(entry.set))),
      h("span", { class: "dim small plan-days" }, daysWords(entry.days)),
    ];
    if (!this.#mayChange) return h("div", { class: "plan-entry" }, words);
    return h("button", { type: "button", class: "plan-entry", onclick: () => this.#edit(index) }, words);
  }

  /** @param {WeeklySchedule} schedule */
  #showSource({ source, changed_by: by, changed_s: atS }) {
    const { time, store } = this.app;
    const params = { name: by ?? "", time: atS === null ? "" : time.moment(atS, store.nowS()) };
    fill(
      this.#source,
      h("p", { class: "dim small" }, t(`schedule.source.${source === "nvr.toml" ? "file" : source}`, params)),
      h("p", { class: "dim small" }, t(this.#mayChange ? "schedule.from_now" : "schedule.only_administrators")),
      source === "page" &&
        this.#mayChange &&
        h("button", { type: "button", class: "button quiet wide", onclick: () => this.#askToWithdraw() }, t("schedule.withdraw")),
    );
  }

  /** @param {number | null} index null: a new one */
  #edit(index) {
    const schedule = this.#schedule;
    if (!schedule) return;
    const { change, has_coordinates: hasSun } = schedule;
    this.#editor.open(index === null ? null : (change[index] ?? null), hasSun, (entry) => {
      const before = change.slice(0, index ?? change.length);
      const after = index === null ? [] : change.slice(index + 1);
      return this.#save(schedule, { change: [...before, ...(entry ? [entry] : []), ...after] });
    });
  }

  /**
   * @param {WeeklySchedule | null} seen
   * @param {Partial<WeeklySchedule>} changed
   * @throws {ApiError}
   */
  async #save(seen, changed) {
    if (!seen) return;
    const { version, change, holidays } = { ...seen, ...changed };
    await this.#ask("PUT", "/api/schedule", { version, change, holidays });
  }

  #askToWithdraw() {
    const close = () => this.#dialog.close();
    const sure = async () => {
      close();
      try {
        await this.#ask("DELETE", `/api/schedule?version=${this.#schedule?.version ?? 0}`);
      } catch (error) {
        this.#fail(error);
      }
    };
    fill(
      this.#dialog,
      h("h2", { id: "withdraw-title" }, t("schedule.withdraw_question")),
      h("p", null, t("schedule.withdraw_warning")),
      h("button", { type: "button", class: "button quiet wide", onclick: close }, t("schedule.cancel")),
      h("button", { type: "button", class: "button danger-outline wide", onclick: () => void sure() }, t("schedule.withdraw")),
    );
    this.#dialog.showModal();
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #ask(method, path, body) {
    try {
      const sent = body ? { body: JSON.stringify(body), type: "application/json" } : {};
      this.#take(await (await this.app.api.request(method, path, sent)).json());
    } catch (error) {
      // What somebody else made of it is shown behind the message.
      if (error instanceof ApiError && error.code === "schedule_changed") this.#take(await this.app.api.get("/api/schedule"));
      throw error;
    }
  }

  /** @param {WeeklySchedule} schedule */
  #take(schedule) {
    this.#schedule = null;
    this.#show(schedule);
    this.#error.hidden = true;
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

/** In the order of a day, those by the sun where it mostly is. @param {ScheduleEntry} entry */
function order({ at }) {
  const { by, clock, minutes } = parseAt(at);
  if (by === "clock") return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
  return (by === "sunrise" ? 360 : 1080) + minutes;
}

customElements.define("nvr-schedule", NvrSchedule);
