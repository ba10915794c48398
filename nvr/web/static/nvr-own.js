import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrLogIns } from "./nvr-log-ins.js";
import { passwordForm } from "./password-form.js";

/** One's own account: where it is logged in, and its password. */
export class NvrOwn extends NvrElement {
  build() {
    const logIns = make(NvrLogIns, this.app);
    const changed = h("p", { class: "hint", role: "status" });
    const form = passwordForm(this.app.api, () => {
      say(changed, t("password.changed"));
      void logIns.load(); // the others ended
    });
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        h("h1", null, t("own.title")),
      ),
      h(
        "div",
        { class: "own-columns" },
        h("section", { class: "own-part" }, h("h2", null, t("log_ins.title")), h("p", { class: "dim" }, t("log_ins.about")), logIns),
        h("section", { class: "own-part" }, h("h2", null, t("password.title")), form.form, changed),
      ),
    );
  }
}

customElements.define("nvr-own", NvrOwn);
