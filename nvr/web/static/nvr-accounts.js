/** @import {Account, Role} from "./account-types.js" */
import { errorText } from "./api.js";
import { cameraChips } from "./camera-chips.js";
import { copyable } from "./copy-text.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";
import { NvrLogIns } from "./nvr-log-ins.js";

/** @type {Role[]} */
const ROLES = ["viewer", "operator", "investigator", "administrator"];

/** Who may log in, as what, for which cameras, and where they are logged in. Administrators alone. */
export class NvrAccounts extends NvrElement {
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #list = h("div", { class: "holds" });
  #dialog = h("dialog", { class: "sheet platform-sheet", "aria-labelledby": "account-title" });
  #add = h("button", { type: "button", class: "button primary wide accounts-add", onclick: () => this.#ask(null) });

  build() {
    fill(this.#add, icon("plus"), t("accounts.add"));
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        h("h1", null, t("accounts.title")),
      ),
      h("p", { class: "dim" }, t("accounts.about")),
      this.#error,
      this.#list,
      this.#add,
      this.#dialog,
    );
    fill(this.#list, h("p", { class: "empty" }, t("loading")));
    // A password stands in the dialog once; it goes with it.
    this.#dialog.addEventListener("close", () => fill(this.#dialog));
    void this.#load();
  }

  async #load() {
    try {
      const { accounts } = await this.app.api.get("/api/accounts", this.gone);
      fill(this.#list, accounts.map((/** @type {Account} */ account) => this.#card(account)));
      this.#error.hidden = true;
    } catch (error) {
      if (this.gone.aborted) return;
      say(this.#error, errorText(error));
      this.#error.hidden = false;
    }
  }

  /** @param {Account} account */
  #card(account) {
    const { name, role, cameras, disabled, sessions, own, may_change: mayChange } = account;
    /** @param {string} words @param {() => void} then @param {string} [more] */
    const button = (words, then, more = "quiet") => h("button", { type: "button", class: `button ${more}`, onclick: then }, words);
    const badge = (/** @type {string} */ words, more = "") => h("span", { class: `badge ${more}` }, words);
    return h(
      "article",
      { class: `hold${disabled ? " expired" : ""}`, "data-account": name },
      h("h2", null, name),
      h(
        "p",
        { class: "badges" },
        badge(t(`role.${role}`), disabled ? "" : "done"),
        disabled && badge(t("accounts.off")),
        account.must_change && badge(t("accounts.must_change")),
        own && badge(t("accounts.own")),
      ),
      h("p", { class: "hold-cameras" }, this.#cameras(cameras)),
      h("p", { class: "dim small" }, t("accounts.log_ins", { n: sessions })),
      mayChange &&
        h(
          "div",
          { class: "tools pair" },
          role !== "household" && button(t("accounts.edit"), () => this.#ask(account)),
          button(t("log_ins.title"), () => this.#showLogIns(account)),
        ),
      mayChange &&
        h(
          "div",
          { class: "tools pair" },
          button(t("accounts.password"), () => this.#confirm(account, "password")),
          button(t("accounts.remove"), () => this.#confirm(account, "remove"), "danger-outline"),
        ),
      own && h("a", { class: "button quiet", href: "#/own" }, t("own.title")),
    );
  }

  /** @param {string[] | null} cameras */
  #cameras(cameras) {
    if (cameras === null) return t("accounts.all_cameras");
    return cameras.map((id) => this.app.store.cameraName(id)).join(", ") || t("platforms.no_camera");
  }

  /** Rights; of a new account its name too. @param {Account | null} account */
  #ask(account) {
    const name = field(t("login.name"), { name: "name", maxlength: 40, autocomplete: "off", autocapitalize: "none", spellcheck: "false" }, t("accounts.name_hint"));
    const role = h("select", { id: "account-role", name: "role", class: "camera-choice", onchange: () => say(about, t(`accounts.about_${role.value}`)) }, ROLES.map((one) => h("option", { value: one }, t(`role.${one}`))));
    role.value = account?.role ?? "operator";
    const about = h("p", { class: "hint" }, t(`accounts.about_${role.value}`));
    const mine = this.app.store.state.session?.account?.cameras ?? null;
    const known = this.app.store.state.cameras ?? [];
    const all = h("input", { type: "checkbox", id: "account-all", checked: mine === null && (account === null || account.cameras === null), disabled: mine !== null, onchange: () => showChips() });
    const enabled = h("input", { type: "checkbox", id: "account-enabled", checked: !account?.disabled });
    let chosen = (account?.cameras ?? []).filter((id) => known.some((camera) => camera.id === id));
    const chips = h("div", { class: "camera-chips" });
    const showChips = () => {
      chips.hidden = all.checked;
      fill(
        chips,
        cameraChips(known, chosen, known.length, (id) => {
          chosen = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id];
          showChips();
          /** @type {HTMLElement | null} */ (chips.querySelector(`[data-camera="${CSS.escape(id)}"]`))?.focus();
        }),
      );
    };
    showChips();
    /** @type {HTMLElement[]} */
    const rows = [
      h("div", { class: "field" }, h("label", { for: role.id }, t("accounts.role")), role, about),
      h("div", { class: "choice-group", role: "group", "aria-label": t("accounts.cameras") }, h("p", { class: "label" }, t("accounts.cameras")), h("label", { class: "platform-switch", for: all.id }, all, t("accounts.all_cameras")), chips),
    ];
    if (account) rows.push(h("label", { class: "platform-switch", for: enabled.id }, enabled, t("accounts.enabled")));
    else rows.unshift(name.row);
    const form = new AskForm(t(account ? "schedule.save" : "accounts.add"), rows, async () => {
      const rights = { role: role.value, cameras: all.checked ? null : chosen };
      if (account) {
        await this.#send("PUT", `/api/accounts/${account.id}`, { ...rights, disabled: !enabled.checked });
        this.#dialog.close();
      } else {
        const made = await this.app.api.post("/api/accounts", { ...rights, name: name.input.value.trim() });
        this.#showPassword(made);
      }
      await this.#load();
    });
    this.#open(account?.name ?? t("accounts.add"), form.form, this.#closer(t("hold.cancel")));
  }

  /** @param {Account} account */
  #showLogIns(account) {
    const logIns = make(NvrLogIns, this.app);
    logIns.path = `/api/accounts/${account.id}/sessions`;
    logIns.onended = () => void this.#load();
    this.#open(t("accounts.log_ins_of", { name: account.name }), logIns, this.#closer(t("close")));
  }

  /** @param {Account} account @param {"password" | "remove"} deed */
  #confirm({ id, name }, deed) {
    const form = new AskForm(t(`accounts.${deed}`), [], async () => {
      if (deed === "password") this.#showPassword(await this.app.api.post(`/api/accounts/${id}/password`));
      else {
        await this.app.api.request("DELETE", `/api/accounts/${id}`);
        this.#dialog.close();
      }
      await this.#load();
    });
    form.form.querySelector("button")?.classList.replace("primary", "danger-outline");
    this.#open(t(`accounts.${deed}_question`, { name }), h("p", null, t(`accounts.${deed}_warning`)), this.#closer(t("hold.cancel")), form.form);
  }

  /** It cannot be shown again. @param {{name: string, password: string}} made */
  #showPassword({ name, password }) {
    this.#open(
      t("accounts.password_of", { name }),
      h("p", { class: "platform-once" }, t("accounts.once")),
      copyable(t("login.name"), name),
      copyable(t("accounts.first_password"), password),
      this.#closer(t("platforms.noted")),
    );
  }

  /** @param {string} title @param {...HTMLElement} parts */
  #open(title, ...parts) {
    fill(this.#dialog, h("h2", { id: "account-title" }, title), parts);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTo(0, 0);
  }

  /** @param {string} words */
  #closer(words) {
    return h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, words);
  }

  /** @param {string} method @param {string} path @param {object} body @throws {import("./api.js").ApiError} */
  async #send(method, path, body) {
    await this.app.api.request(method, path, { body: JSON.stringify(body), type: "application/json" });
  }
}

customElements.define("nvr-accounts", NvrAccounts);
