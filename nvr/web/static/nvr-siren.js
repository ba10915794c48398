import { sirenNote, sirenWords, sounding } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";

/** A question nobody answered is taken back after this. */
const ASKING_S = 10;

/** So long the second step does not listen: a double tap must not sound it. */
const DEAF_MS = 700;

/**
 * The siren by hand. On takes two steps, so that neither a pocket nor a double tap sounds it. Off is one tap in the
 * bar that is on every page (nvr-siren-bar).
 */
export class NvrSiren extends NvrElement {
  #state = h("p", { class: "siren-state", role: "status" });
  #note = h("p", { class: "dim" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #controls = h("div", { class: "siren-controls" });
  #asking = false;
  #shown = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  build() {
    this.#asking = false;
    this.#shown = "";
    fill(
      this,
      h("div", { class: "siren-line" }, h("h2", null, icon("siren"), t("siren.title")), this.#state),
      this.#note,
      this.#error,
      this.#controls,
    );
    this.watch(["alarm", "session"], () => this.#show());
    this.every(1, () => this.#show());
  }

  leave() {
    clearTimeout(this.#timer);
  }

  #show() {
    const { alarm } = this.app.store.state;
    if (alarm === null) return;
    const { siren } = alarm;
    const loud = sounding(siren);
    const broken = siren.configured && siren.link !== "up";
    this.classList.toggle("sounding", loud);
    this.classList.toggle("broken", broken);
    this.classList.toggle("asking", this.#asking && !loud);
    say(this.#state, sirenWords(siren));
    say(this.#note, sirenNote(siren, this.app));
    if (loud) this.#asking = false;
    this.hidden = loud || alarm.state === "pending"; // then the bar below has what can be done
    const usable = siren.configured && !broken && this.app.store.mayAct;
    const looks = JSON.stringify([siren.configured, loud, usable, this.#asking]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    if (!siren.configured) fill(this.#controls);
    else if (this.#asking) this.#showQuestion();
    else {
      fill(
        this.#controls,
        h(
          "button",
          {
            type: "button",
            class: "button danger-outline wide tall",
            disabled: !usable,
            onclick: () => this.#ask(true),
          },
          icon("siren"),
          t("siren.on"),
        ),
      );
    }
  }

  #showQuestion() {
    const sure = h(
      "button",
      { type: "button", class: "button danger wide tall", onclick: () => this.#sound() },
      icon("siren"),
      t("siren.sure"),
    );
    const no = h(
      "button",
      { type: "button", class: "button quiet wide tall", onclick: () => this.#ask(false) },
      t("cancel"),
    );
    sure.disabled = true;
    setTimeout(() => (sure.disabled = false), DEAF_MS);
    // "No" stands where "on" stood.
    fill(this.#controls, no, h("p", { class: "siren-question", role: "alert" }, t("siren.question")), sure);
    no.focus({ preventScroll: true });
    this.#controls.scrollIntoView({ block: "nearest" });
  }

  /** @param {boolean} asking */
  #ask(asking) {
    clearTimeout(this.#timer);
    this.#asking = asking;
    this.#error.hidden = true;
    if (asking) this.#timer = setTimeout(() => this.#ask(false), ASKING_S * 1000);
    this.#show();
  }

  async #sound() {
    this.#ask(false);
    try {
      await this.order("/api/siren/on");
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }
}

customElements.define("nvr-siren", NvrSiren);
