import { fill, h, icon } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { language, t } from "./i18n.js";
import { forget } from "./push.js";

/** The two languages, each by its own name. */
export class NvrLanguage extends NvrElement {
  build() {
    const choice = (/** @type {import("./i18n.js").Language} */ name) =>
      h(
        "button",
        {
          type: "button",
          lang: name,
          "aria-pressed": String(language() === name),
          onclick: () => void this.app.speak(name),
        },
        t(`language.${name}`),
      );
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", t("language.title"));
    fill(this, choice("vi"), choice("en"));
  }
}

/** Who is logged in, the language, and the way out. */
export class NvrMenu extends NvrElement {
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "menu-title" });

  build() {
    const { store } = this.app;
    const { session } = store.state;
    const account = session?.account;
    fill(
      this.#dialog,
      h("h2", { id: "menu-title" }, account?.name ?? ""),
      h("p", { class: "dim" }, account ? t(`role.${account.role}`) : "", " · ", session?.site.name ?? ""),
      make(NvrLanguage, this.app),
      h("div", { class: "tools pair" }, this.#link("#/storage", "disk", t("storage.title")), store.may("evidence") && this.#link("#/holds", "lock", t("holds.title"))),
      h(
        "div",
        { class: "tools pair" },
        this.#link("#/schedule", "calendar", t("schedule.title")),
        store.may("administer") && this.#link("#/tunnel", "globe", t("tunnel.title")),
      ),
      h(
        "div",
        { class: "tools pair" },
        this.#link("#/notify", "bell", t("notify.title")),
        store.may("administer") && this.#link("#/audit", "list", t("audit.title")),
      ),
      h(
        "div",
        { class: "tools pair" },
        this.#link("#/own", "lock", t("own.title")),
        store.may("administer") && this.#link("#/accounts", "people", t("accounts.title")),
      ),
      store.may("administer") &&
        h("div", { class: "tools pair" }, this.#link("#/platforms", "share", t("platforms.title"))),
      h("button", { type: "button", class: "button quiet wide", onclick: () => this.#leave() }, t("logout")),
      h(
        "button",
        { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() },
        t("close"),
      ),
      h("p", { class: "dim small" }, t("version", { version: session?.version ?? "" })),
    );
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // beside the sheet
    });
    fill(this, this.#dialog);
  }

  open() {
    this.#dialog.showModal();
  }

  /** @param {string} href @param {"disk" | "lock" | "bell" | "list" | "calendar" | "globe" | "share" | "people"} picture @param {string} words */
  #link(href, picture, words) {
    return h("a", { class: "button quiet", href, onclick: () => this.#dialog.close() }, icon(picture), words);
  }

  async #leave() {
    await forget();
    try {
      await this.app.api.post("/api/logout");
    } catch {
      // Without a connection the cookie stays; the log-in page says what is the matter.
    }
    this.app.signedOut();
  }
}

customElements.define("nvr-language", NvrLanguage);
customElements.define("nvr-menu", NvrMenu);
