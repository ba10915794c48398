/** @import {Selection} from "./timeline-window.js" */
import { ApiError } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { AskForm, field } from "./form.js";
import { lengthWords } from "./holds.js";
import { sentence, t, tn } from "./i18n.js";

const DAY_S = 86400;
const OFFERED_DAYS = [30, 90, 365, 1825];
const USUAL_DAYS = 90;
const MOST_DAYS = 3650;

/** Asks for what and for whom a chosen span is held, and holds it. */
export class NvrHoldForm extends NvrElement {
  /** Everything that was asked for is held. */
  onDone = () => {};
  #dialog = h("dialog", { class: "sheet hold-sheet", "aria-labelledby": "hold-title" });
  #what = h("p", { class: "hold-what" });
  #done = h("p", { class: "dim", role: "status" });
  /** @type {string[]} cameras that are not held yet */
  #cameras = [];
  #selection = /** @type {Selection} */ ([0, 0]);

  build() {
    fill(this, this.#dialog);
  }

  /** @param {string[]} cameras @param {Selection} selection */
  open(cameras, selection) {
    this.#cameras = [...cameras];
    this.#selection = selection;
    const { time, store } = this.app;
    /** @param {number} days */
    const dateIn = (days) => time.input(store.nowS() + days * DAY_S).slice(0, 10);
    const fields = {
      case: field(t("hold.case"), { name: "case", maxlength: 200, autocomplete: "off" }, t("hold.case_hint")),
      person: field(t("hold.person"), { name: "person", maxlength: 200, autocomplete: "off" }, t("hold.person_hint")),
      reason: field(t("hold.reason"), { name: "reason", maxlength: 1000, autocomplete: "off" }),
      expires: field(t("hold.until"), { name: "expires", type: "date", min: dateIn(1), max: dateIn(MOST_DAYS) }),
    };
    const day = h("p", { class: "hint", role: "status" });
    // The browser writes dates its own way, perhaps with the month first.
    const tellDay = () => {
      const s = time.fromInput(`${fields.expires.input.value}T12:00:00`);
      say(day, Number.isNaN(s) ? "" : sentence(time.day(s, store.nowS())));
    };
    /** @param {number} days */
    const expireIn = (days) => {
      fields.expires.input.value = dateIn(days);
      tellDay();
    };
    expireIn(USUAL_DAYS);
    fields.expires.input.addEventListener("input", tellDay);
    fields.expires.row.append(day);
    const offers = OFFERED_DAYS.map((days) => {
      const choose = () => expireIn(days);
      const words = days < 365 ? tn("span.days", days) : tn("span.years", days / 365);
      return h("button", { type: "button", class: "button quiet", onclick: choose }, words);
    });
    const form = new AskForm(
      t("hold.submit"),
      [
        ...Object.values(fields).map(({ row }) => row),
        h("div", { class: "hold-offers" }, offers),
      ],
      () =>
        this.#send({
          case: fields.case.input.value.trim(),
          person: fields.person.input.value.trim(),
          reason: fields.reason.input.value.trim(),
          expires_s: time.fromInput(`${fields.expires.input.value}T23:59:59`),
        }),
    );
    say(this.#done, "");
    this.#tell();
    fill(
      this.#dialog,
      h("h2", { id: "hold-title" }, t("hold.title")),
      this.#what,
      this.#done,
      form.form,
      h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, t("hold.back")),
    );
    this.#dialog.showModal();
    fields.case.input.focus();
  }

  #tell() {
    const [startS, endS] = this.#selection;
    const names = this.#cameras.map((id) => this.app.store.cameraName(id)).join(", ");
    const { time, store } = this.app;
    say(
      this.#what,
      t("hold.what", {
        cameras: names,
        from: time.clock(startS),
        to: time.clock(endS),
        day: time.day(startS, store.nowS()),
        span: lengthWords(endS - startS),
      }),
    );
  }

  /** @param {{case: string, person: string, reason: string, expires_s: number}} said */
  async #send(said) {
    if (!said.case || !said.person || !said.reason) throw new ApiError(0, "empty_field");
    const daysAhead = (said.expires_s - this.app.store.nowS()) / DAY_S;
    if (!(daysAhead > 0 && daysAhead <= MOST_DAYS + 1)) throw new ApiError(0, "hold_expiry");
    const [start_s, end_s] = this.#selection;
    const held = [];
    for (const camera of [...this.#cameras]) {
      try {
        await this.app.api.post("/api/holds", { camera, start_s, end_s, ...said });
      } catch (error) {
        throw error instanceof ApiError && error.code === "bad_span" ? new ApiError(error.status, "hold_span") : error;
      }
      // What is done is not asked for again when a later one is refused.
      this.#cameras = this.#cameras.filter((other) => other !== camera);
      held.push(this.app.store.cameraName(camera));
      if (this.#cameras.length) {
        say(this.#done, t("hold.done_in_part", { cameras: held.join(", ") }));
        this.#tell();
      }
    }
    this.#dialog.close();
    this.onDone();
  }
}

customElements.define("nvr-hold-form", NvrHoldForm);
