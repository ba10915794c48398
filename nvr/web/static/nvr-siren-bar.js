import { sirenNote, sirenWords, sounding } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";

/** On every page while the siren sounds: says so, and silences it with one tap. */
export class NvrSirenBar extends NvrElement {
  #words = h("span", { class: "siren-bar-words" });
  #note = h("span", { class: "siren-bar-note" });
  #off = h("button", { type: "button", class: "button silence", onclick: () => this.#silence() });

  build() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", t("siren.title"));
    fill(this.#off, icon("mute"), t("siren.off"));
    fill(this, h("p", { role: "alert" }, this.#words), this.#note, this.#off);
    this.watch(["alarm", "session"], () => this.#show());
    this.every(1, () => this.#show());
  }

  #show() {
    const siren = this.app.store.state.alarm?.siren;
    const loud = siren !== undefined && sounding(siren);
    this.hidden = !loud;
    if (!loud) this.#note.classList.remove("error");
    if (!siren || !loud) return;
    this.#off.hidden = !this.app.store.mayAct;
    say(this.#words, sirenWords(siren));
    if (!this.#note.classList.contains("error")) say(this.#note, sirenNote(siren, this.app));
  }

  async #silence() {
    // Never disabled: whoever taps again in a hurry asks again, which does no harm.
    try {
      this.#note.classList.remove("error");
      await this.order("/api/siren/off");
    } catch (error) {
      this.#note.classList.add("error");
      say(this.#note, errorText(error));
    }
  }
}

customElements.define("nvr-siren-bar", NvrSirenBar);
