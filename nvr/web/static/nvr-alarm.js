import { nextChangeWords, whyWords } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrSiren } from "./nvr-siren.js";

/** Arm and disarm: the state in large letters, why it is so, and one button that changes it. */
export class NvrAlarm extends NvrElement {
  #emblem = h("div", { class: "emblem" });
  #state = h("p", { class: "alarm-state", role: "status" });
  #why = h("p", { class: "alarm-why" });
  #next = h("p", { class: "alarm-next" });
  #button = h("button", { type: "button", onclick: () => this.#toggle() });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #onlyViewing = h("p", { class: "dim", hidden: true });
  #card = h("section", { class: "card alarm-card" });
  #shown = "";

  build() {
    this.#shown = "";
    fill(this.#card, this.#emblem, this.#state, this.#why, this.#next, this.#error, this.#onlyViewing, this.#button);
    fill(
      this,
      h("div", { class: "title-row" }, h("h1", null, t("alarm.title"))),
      h("div", { class: "alarm-columns" }, this.#card, make(NvrSiren, this.app, "card")),
    );
    this.watch(["alarm", "session"], () => this.#show());
    this.app.store.watch(["linked"], () => (this.#error.hidden ||= !!this.app.store.state.linked), this.gone);
    this.every(10, () => this.#show());
  }

  #show() {
    const { alarm } = this.app.store.state;
    this.#button.hidden = alarm === null;
    if (alarm === null) return say(this.#state, t("loading"));
    this.#card.classList.toggle("armed", alarm.armed);
    say(this.#state, t(alarm.armed ? "alarm.armed" : "alarm.disarmed"));
    say(this.#why, whyWords(alarm, this.app));
    say(this.#next, nextChangeWords(alarm, this.app));
    const looks = JSON.stringify([alarm.armed, this.app.store.mayAct]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(this.#emblem, icon(alarm.armed ? "shield" : "shieldOff"));
    this.#button.className = `button huge ${alarm.armed ? "disarm" : "primary"}`;
    this.#button.disabled = !this.app.store.mayAct;
    fill(this.#button, t(alarm.armed ? "alarm.disarm" : "alarm.arm"));
    this.#onlyViewing.hidden = this.app.store.mayAct;
    say(this.#onlyViewing, t("only_viewing"));
  }

  async #toggle() {
    const armed = this.app.store.state.alarm?.armed;
    this.#button.disabled = true;
    try {
      await this.order(`/api/alarm/${armed ? "disarm" : "arm"}`);
      this.#error.hidden = true;
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
    this.#button.disabled = !this.app.store.mayAct;
  }
}

customElements.define("nvr-alarm", NvrAlarm);
