import { fill, h } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";
import { NvrLanguage } from "./nvr-menu.js";

/** Name and password. */
export class NvrLogin extends NvrElement {
  build() {
    const name = field(t("login.name"), {
      type: "text",
      name: "name",
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: 60,
    });
    const password = field(t("login.password"), {
      type: "password",
      name: "password",
      autocomplete: "current-password",
      maxlength: 200,
    });
    const form = new AskForm(t("login.submit"), [name.row, password.row], async () => {
      try {
        const session = await this.app.api.post("/api/login", {
          name: name.input.value.trim(),
          password: password.input.value,
        });
        this.app.signedIn(session);
      } catch (error) {
        password.input.select();
        throw error;
      }
    });
    fill(
      this,
      h(
        "main",
        { class: "door" },
        h("img", { class: "door-emblem", src: "/static/icon.svg", alt: "", width: 72, height: 72 }),
        h("h1", null, this.app.store.state.session?.site.name ?? ""),
        h("p", { class: "dim" }, t("login.intro")),
        form.form,
        make(NvrLanguage, this.app),
      ),
    );
    if (window.matchMedia("(hover: hover)").matches) name.input.focus(); // on a phone the keyboard would cover the page
  }
}

customElements.define("nvr-login", NvrLogin);
