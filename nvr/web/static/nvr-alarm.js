/** @import {Alarm, Mode} from "./types.js" */
import {
  aboutWords,
  adviceWords,
  isAlarmed,
  modeWord,
  nextChangeWords,
  sounding,
  stateWord,
  whyWords,
} from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { sentence, t } from "./i18n.js";
import { NvrSiren } from "./nvr-siren.js";
import { NvrTrials } from "./nvr-trials.js";
import { Ring } from "./ring.js";

const MODES = /** @type {Mode[]} */ (["home", "night", "away"]);
const REMEMBERED = "nvr.mode";
const COUNTED = ["arming", "pending"];

/** So long the buttons do not listen after one was pressed: a double tap must not disarm what it has just armed. */
const DEAF_MS = 700;

/**
 * The alarm for one thumb at night: the state in large words and what it is about above, what can be done below. What
 * must be stopped at once has its button in the bar at the bottom (nvr-siren-bar), which is at its largest here.
 */
export class NvrAlarm extends NvrElement {
  #emblem = h("div", { class: "emblem" });
  #ring = new Ring();
  #state = h("h1", { class: "alarm-state", "aria-live": "polite" });
  #mode = h("p", { class: "alarm-mode" });
  #about = h("a", { class: "alarm-about" });
  #advice = h("p", { class: "alarm-advice" });
  #why = h("p", { class: "alarm-why" });
  #next = h("p", { class: "alarm-next" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #onlyViewing = h("p", { class: "dim", hidden: true });
  #controls = h("div", { class: "alarm-controls" });
  #shown = "";
  #chosen = rememberedMode();

  build() {
    this.#shown = "";
    const face = h(
      "section",
      { class: "alarm-face" },
      this.#emblem,
      this.#ring.element,
      this.#state,
      this.#mode,
      this.#about,
      this.#advice,
      this.#why,
      this.#next,
      this.#error,
      this.#onlyViewing,
    );
    fill(
      this,
      h("div", { class: "alarm-first" }, face, make(NvrSiren, this.app), this.#controls),
      h(
        "div",
        { class: "alarm-more" },
        make(NvrTrials, this.app, "card"),
        h("a", { class: "button quiet wide tall", href: "#/schedule" }, icon("calendar"), t("alarm.schedule")),
      ),
    );
    this.watch(["alarm", "session", "cameras"], () => this.#show());
    this.app.store.watch(["linked"], () => (this.#error.hidden ||= !!this.app.store.state.linked), this.gone);
    this.every(0.25, () => this.#show());
  }

  #show() {
    const { alarm } = this.app.store.state;
    this.#controls.hidden = alarm === null;
    if (alarm === null) return say(this.#state, t("loading"));
    this.dataset.state = alarm.state;
    this.classList.toggle("armed", alarm.armed);
    this.classList.toggle("loud", sounding(alarm.siren));
    this.classList.toggle("rehearsed", alarm.would_sound);
    const counts = COUNTED.includes(alarm.state) && alarm.deadline_s !== null;
    this.#ring.element.hidden = !counts;
    this.#emblem.hidden = counts;
    if (counts) this.#ring.follow(alarm.deadline_s ?? 0, this.app.store.nowS());
    say(this.#state, stateWord(alarm));
    say(this.#mode, alarm.mode ? modeWord(alarm.mode) : "");
    say(this.#about, aboutWords(alarm, this.app));
    if (alarm.about?.incident) this.#about.href = `#/incident/${alarm.about.incident}`;
    else this.#about.removeAttribute("href");
    say(this.#advice, adviceWords(alarm, this.app));
    say(this.#why, whyWords(alarm, this.app));
    say(this.#next, nextChangeWords(alarm, this.app));
    const looks = JSON.stringify([alarm.state, alarm.armed, isAlarmed(alarm), this.app.store.mayAct, this.#chosen]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(this.#emblem, icon(sounding(alarm.siren) ? "siren" : alarm.armed ? "shield" : "shieldOff"));
    fill(this.#controls, this.#buttons(alarm));
    this.#onlyViewing.hidden = this.app.store.mayAct;
    say(this.#onlyViewing, t("only_viewing"));
  }

  /** What can be done, the likeliest lowest. @param {Alarm} alarm */
  #buttons(alarm) {
    const over = () => this.#order("/api/alarm/all-clear");
    const clear = isAlarmed(alarm) ? this.#button("quiet tall all-clear", t("alarm.all_clear"), over, "check") : null;
    // Nothing is heard of it, so no bar says how to end it.
    const end = alarm.would_sound
      ? this.#button("quiet tall", t("alarm.end_would_sound"), () => this.#order("/api/siren/off"), "mute")
      : null;
    if (alarm.armed) {
      const disarm = () => this.#order("/api/alarm/disarm");
      // In the entry delay the bar below has this button, large.
      const off = alarm.state === "pending" ? null : this.#button("disarm huge", t("alarm.disarm"), disarm, null);
      return [end, clear, off];
    }
    const arm = () => {
      remember(this.#chosen);
      return this.#order("/api/alarm/arm", { mode: this.#chosen });
    };
    return [end, clear, this.#modes(), this.#button("primary huge", t("alarm.arm"), arm, null)];
  }

  #modes() {
    const choices = MODES.map((mode) =>
      h(
        "button",
        {
          type: "button",
          class: "button quiet tall",
          "data-mode": mode,
          "aria-pressed": String(mode === this.#chosen),
          disabled: !this.app.store.mayAct,
          onclick: () => {
            this.#chosen = mode;
            this.#show();
            /** @type {HTMLElement | null} */ (this.querySelector(`[data-mode=${mode}]`))?.focus();
          },
        },
        sentence(modeWord(mode)),
      ),
    );
    return h("div", { class: "alarm-modes", role: "group", "aria-label": t("alarm.mode") }, choices);
  }

  /**
   * @param {string} looks
   * @param {string} words
   * @param {() => void} then
   * @param {"check" | "mute" | null} picture
   */
  #button(looks, words, then, picture) {
    const props = { type: "button", class: `button wide ${looks}`, disabled: !this.app.store.mayAct, onclick: then };
    return h("button", props, picture && icon(picture), words);
  }

  /** @param {string} path @param {object} [body] */
  async #order(path, body) {
    this.#controls.inert = true;
    setTimeout(() => (this.#controls.inert = false), DEAF_MS);
    try {
      await this.order(path, body);
      this.#error.hidden = true;
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }
}

/** What this phone armed with last. @returns {Mode} */
function rememberedMode() {
  try {
    return MODES.find((mode) => mode === localStorage.getItem(REMEMBERED)) ?? "away";
  } catch {
    return "away"; // storage is closed in some private windows
  }
}

/** @param {Mode} mode */
function remember(mode) {
  try {
    localStorage.setItem(REMEMBERED, mode);
  } catch {
    // As above: it holds until the page is closed.
  }
}

customElements.define("nvr-alarm", NvrAlarm);
