/** @import {Alarm} from "./types.js" */
import { aboutWords, sirenNote, sirenWords, sounding, stateWord } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { stopwatch } from "./time.js";

/**
 * On every page while the siren sounds, or will unless somebody disarms: says so, and ends it with one tap. On the
 * alarm's page its button is the largest thing.
 */
export class NvrSirenBar extends NvrElement {
  #words = h("span", { class: "siren-bar-words" });
  #note = h("span", { class: "siren-bar-note" });
  #off = h("button", { type: "button", class: "button silence", onclick: () => this.#stop() });
  #waits = false;

  build() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", t("siren.title"));
    fill(this, h("p", { role: "alert" }, this.#words), this.#note, this.#off);
    this.watch(["alarm", "session"], () => this.#show());
    this.every(1, () => this.#show());
  }

  #show() {
    const { alarm } = this.app.store.state;
    const loud = alarm !== null && sounding(alarm.siren);
    this.#waits = !loud && alarm?.state === "pending";
    this.hidden = !loud && !this.#waits;
    if (this.hidden) this.#note.classList.remove("error");
    if (!alarm || this.hidden) return;
    this.classList.toggle("waits", this.#waits);
    this.#off.hidden = !this.app.store.mayAct;
    const words = t(this.#waits ? "alarm.disarm" : "siren.off");
    if (this.#off.textContent !== words) fill(this.#off, icon(this.#waits ? "shieldOff" : "mute"), words);
    say(this.#words, this.#waits ? stateWord(alarm) : sirenWords(alarm.siren));
    if (!this.#note.classList.contains("error")) say(this.#note, this.#noteWords(alarm));
  }

  /** @param {Alarm} alarm */
  #noteWords(alarm) {
    if (!this.#waits) return sirenNote(alarm.siren, this.app);
    const leftS = (alarm.deadline_s ?? 0) - this.app.store.nowS();
    return [alarm.deadline_s === null ? "" : stopwatch(leftS), aboutWords(alarm, this.app)].filter(Boolean).join(" · ");
  }

  async #stop() {
    // Never disabled: whoever taps again in a hurry asks again, which does no harm.
    try {
      this.#note.classList.remove("error");
      await this.order(this.#waits ? "/api/alarm/disarm" : "/api/siren/off");
    } catch (error) {
      this.#note.classList.add("error");
      say(this.#note, errorText(error));
    }
  }
}

customElements.define("nvr-siren-bar", NvrSirenBar);
