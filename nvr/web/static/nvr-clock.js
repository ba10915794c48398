import { errorText } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { span } from "./time.js";

/** Clocks further apart than this are not taken for the same time without a question. */
const APART_S = 120;
const REFRESH_S = 10;

/**
 * Where nobody knows whether the recorder's clock is right, an administrator compares it with this device's and says
 * that it is.
 */
export class NvrClock extends NvrElement {
  #recorder = h("p", { class: "clock-recorder" });
  #device = h("p", { class: "dim clock-device" });
  #question = h("p", { class: "clock-question", role: "alert" });
  #error = h("p", { class: "error", role: "alert" });
  #controls = h("div", { class: "tools pair" });
  #asking = false;
  #shown = "";

  build() {
    this.#asking = false;
    this.#shown = "";
    this.#error.hidden = true;
    fill(this, this.#recorder, this.#device, this.#question, this.#error, this.#controls);
    this.watch(["status", "session"], () => this.#show());
    this.every(1, () => this.#show());
    this.every(REFRESH_S, () => void this.#refresh());
  }

  /** What the two clocks differ by, in seconds. */
  get #apartS() {
    return Math.abs(this.app.store.nowS() - Date.now() / 1000);
  }

  #show() {
    const { status, session } = this.app.store.state;
    const isUnknown = status?.faults.some(({ code }) => code === "clock_untrusted") ?? false;
    this.hidden = !isUnknown || !this.app.store.may("administer");
    if (this.hidden) this.#asking = false;
    const { store, time } = this.app;
    const deviceS = Date.now() / 1000;
    const recorder = { time: time.hourMinute(store.nowS()), date: time.date(store.nowS()) };
    say(this.#recorder, t("clock.recorder", recorder));
    say(this.#device, t("clock.device", { time: time.hourMinute(deviceS), date: time.date(deviceS) }));
    this.#question.hidden = !this.#asking;
    say(this.#question, this.#asking ? t("clock.apart", { span: span(this.#apartS) }) : "");
    const looks = String(this.#asking);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(
      this.#controls,
      this.#asking
        ? [
            this.#button("quiet", t("clock.wrong"), () => this.#ask(false)),
            this.#button("primary", t("clock.sure"), () => this.#confirm()),
          ]
        : this.#button("primary", t("clock.right"), () => this.#compare()),
    );
  }

  /** @param {string} kind @param {string} words @param {() => void} onclick */
  #button(kind, words, onclick) {
    return h("button", { type: "button", class: `button ${kind}`, onclick }, words);
  }

  /** @param {boolean} asking */
  #ask(asking) {
    this.#asking = asking;
    this.#show();
    if (asking) this.#controls.scrollIntoView({ block: "nearest" });
  }

  /** The recorder's time may have been set since it was told last. */
  async #refresh() {
    if (this.hidden || this.offsetParent === null) return;
    try {
      this.app.store.setStatus(await this.app.api.get("/api/status", this.gone));
    } catch {
      // what is shown stays until the connection is back
    }
  }

  async #compare() {
    await this.#refresh();
    if (this.#apartS > APART_S) this.#ask(true);
    else await this.#confirm();
  }

  async #confirm() {
    this.#ask(false);
    this.#error.hidden = true;
    try {
      await this.app.api.post("/api/clock", { confirm: true }, this.gone);
      await this.#refresh();
    } catch (error) {
      if (this.gone.aborted) return;
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }
}

customElements.define("nvr-clock", NvrClock);
