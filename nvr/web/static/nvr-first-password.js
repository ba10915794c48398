import { fill, h } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrLanguage } from "./nvr-menu.js";
import { passwordForm } from "./password-form.js";

/** Somebody else knows the password: nothing but its change is open. */
export class NvrFirstPassword extends NvrElement {
  build() {
    const { api, store } = this.app;
    const form = passwordForm(api, async () => this.app.signedIn(await api.get("/api/session")));
    const leave = async () => {
      await api.post("/api/logout").catch(() => {});
      this.app.signedOut();
    };
    fill(
      this,
      h(
        "main",
        { class: "door" },
        h("img", { class: "door-emblem", src: "/static/icon.svg", alt: "", width: 72, height: 72 }),
        h("h1", null, store.state.session?.account?.name ?? ""),
        h("p", { class: "dim" }, t("password.first")),
        form.form,
        h("button", { type: "button", class: "button quiet wide", onclick: () => void leave() }, t("logout")),
        make(NvrLanguage, this.app),
      ),
    );
  }
}

customElements.define("nvr-first-password", NvrFirstPassword);
