import { sounding } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { Ring } from "./ring.js";
import { span } from "./time.js";

const WARNING_S = 10;
const SOUNDS_S = 3;
const QUIET_MINUTES = [5, 15, 30, 60];

/**
 * Trials: the siren for a moment, after a countdown that anybody can cancel and that ends with the page; and the quiet
 * test, in which everything works but nothing is heard.
 */
export class NvrTrials extends NvrElement {
  #siren = h("div", { class: "trial" });
  #quiet = h("div", { class: "trial" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #ring = new Ring();
  #minutes = h("select", { class: "camera-choice tall" });
  /** When the siren is to sound, on this device's clock. @type {number | null} */
  #atMs = null;
  #shown = "";

  build() {
    this.#shown = "";
    this.#atMs = null;
    this.#minutes.setAttribute("aria-label", t("trial.minutes"));
    fill(
      this.#minutes,
      QUIET_MINUTES.map((minutes) => h("option", { value: minutes }, span(minutes * 60))),
    );
    fill(this, h("h2", null, t("trial.title")), this.#error, this.#siren, this.#quiet);
    // Whoever puts the phone away has left the countdown too.
    const away = () => document.visibilityState === "hidden" && this.#cancel();
    document.addEventListener("visibilitychange", away, { signal: this.gone });
    this.watch(["alarm", "session", "linked"], () => this.#show());
    this.every(0.2, () => this.#tick());
  }

  leave() {
    this.#atMs = null;
  }

  #show() {
    const { alarm, linked } = this.app.store.state;
    if (alarm === null) return;
    const { siren } = alarm;
    const usable = this.app.store.mayAct && siren.configured && siren.link === "up" && linked !== false;
    const calm = !sounding(siren) && ["disarmed", "armed", "fault"].includes(alarm.state);
    if (!usable || !calm) this.#atMs = null;
    const looks = JSON.stringify([siren.configured, usable && calm, this.#atMs, alarm.quiet_test, this.app.store.mayAct]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(this.#siren, !siren.configured ? null : this.#atMs === null ? this.#offer(usable && calm) : this.#countdown());
    fill(this.#quiet, alarm.quiet_test ? null : this.#quietOffer());
  }

  /** @param {boolean} possible */
  #offer(possible) {
    return h(
      "button",
      { type: "button", class: "button quiet wide tall", disabled: !possible, onclick: () => this.#begin() },
      icon("siren"),
      t("trial.siren", { seconds: SOUNDS_S }),
    );
  }

  #countdown() {
    return [
      this.#ring.element,
      h("p", { role: "alert" }, t("trial.siren_soon", { seconds: SOUNDS_S })),
      h("button", { type: "button", class: "button danger huge", onclick: () => this.#cancel() }, t("trial.cancel")),
    ];
  }

  #quietOffer() {
    const props = { type: "button", class: "button quiet tall", disabled: !this.app.store.mayAct };
    return [
      h("h3", null, t("trial.quiet")),
      h("p", { class: "dim" }, t("trial.quiet_hint")),
      h(
        "div",
        { class: "trial-quiet" },
        this.#minutes,
        h("button", { ...props, onclick: () => this.#startQuiet() }, t("trial.quiet_start")),
      ),
    ];
  }

  #begin() {
    this.#atMs = performance.now() + WARNING_S * 1000;
    this.#error.hidden = true;
    this.#tick();
    this.#show();
    this.#siren.scrollIntoView({ block: "nearest" });
  }

  #cancel() {
    this.#atMs = null;
    this.#show();
  }

  #tick() {
    if (this.#atMs === null) return;
    const nowMs = performance.now();
    this.#ring.follow(this.#atMs / 1000, nowMs / 1000);
    if (nowMs < this.#atMs) return;
    this.#cancel();
    void this.#ask("/api/siren/test", { seconds: SOUNDS_S });
  }

  #startQuiet() {
    return this.#ask("/api/alarm/quiet-test", { minutes: Number(this.#minutes.value) });
  }

  /** @param {string} path @param {object} body */
  async #ask(path, body) {
    try {
      await this.order(path, body);
      this.#error.hidden = true;
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }
}

customElements.define("nvr-trials", NvrTrials);
