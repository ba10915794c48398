import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { stopwatch } from "./time.js";

/** On every page during a quiet test: that nothing would be heard now, for how long, who began it; ends it. */
export class NvrQuietBar extends NvrElement {
  #words = h("p", { role: "alert" });
  #note = h("p", { class: "quiet-note" });
  #end = h("button", { type: "button", class: "button", onclick: () => this.#stop() });

  build() {
    fill(this.#end, t("trial.quiet_end"));
    fill(this, icon("mute"), h("div", null, this.#words, this.#note), this.#end);
    this.watch(["alarm", "session"], () => this.#show());
    this.every(1, () => this.#show());
  }

  #show() {
    const quiet = this.app.store.state.alarm?.quiet_test;
    this.hidden = !quiet;
    say(this.#words, quiet ? t("trial.quiet_now") : "");
    this.#end.hidden = !this.app.store.mayAct;
    if (!quiet) return this.#note.classList.remove("error");
    if (this.#note.classList.contains("error")) return;
    const left = stopwatch(quiet.until_s - this.app.store.nowS());
    say(this.#note, t("trial.quiet_left", { time: left, name: quiet.actor }));
  }

  async #stop() {
    try {
      this.#note.classList.remove("error");
      await this.order("/api/alarm/quiet-test/end");
    } catch (error) {
      this.#note.classList.add("error");
      say(this.#note, errorText(error));
    }
  }
}

customElements.define("nvr-quiet-bar", NvrQuietBar);
