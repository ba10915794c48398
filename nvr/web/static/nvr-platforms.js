/** @import {Platform, Platforms} from "./platform-types.js" */
import { errorText } from "./api.js";
import { cameraChips } from "./camera-chips.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";
import { loginOf } from "./platform-login.js";

const JSON_TYPE = "application/json";

/** Recorders elsewhere that may fetch cameras: which, when they last came, and what they log in with. Administrators alone. */
export class NvrPlatforms extends NvrElement {
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #list = h("div", { class: "holds" });
  #dialog = h("dialog", { class: "sheet platform-sheet", "aria-labelledby": "platform-title" });
  #add = h("button", { type: "button", class: "button primary wide", hidden: true, onclick: () => this.#ask(null) });
  /** @type {Platforms | null} */
  #shown = null;

  build() {
    fill(this.#add, icon("plus"), t("platforms.add"));
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        h("h1", null, t("platforms.title")),
      ),
      h("p", { class: "dim" }, t("platforms.about")),
      this.#error,
      this.#list,
      this.#add,
      this.#dialog,
    );
    fill(this.#list, h("p", { class: "empty" }, icon("share"), t("loading")));
    // A password stands in the dialog once; it goes with it.
    this.#dialog.addEventListener("close", () => fill(this.#dialog));
    void this.#load();
  }

  async #load() {
    try {
      this.#show(await this.app.api.get("/api/platforms", this.gone));
      this.#error.hidden = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {Platforms} answer */
  #show(answer) {
    this.#shown = answer;
    this.#add.hidden = false;
    const { platforms } = answer;
    if (platforms.length) fill(this.#list, platforms.map((platform) => this.#card(platform)));
    else fill(this.#list, h("p", { class: "empty" }, icon("share"), t("platforms.none")));
  }

  /** @param {Platform} platform */
  #card(platform) {
    const { time, store } = this.app;
    const { name, cameras, enabled, seen_s: seenS, seen_address: address } = platform;
    const seen = seenS === null ? t("platforms.never") : t("platforms.seen", { time: time.moment(seenS, store.nowS()), address: address ?? "" });
    /** @param {string} words @param {() => void} then @param {string} [more] */
    const button = (words, then, more = "quiet") => h("button", { type: "button", class: `button ${more}`, onclick: then }, words);
    return h(
      "article",
      { class: `hold${enabled ? "" : " expired"}`, "data-platform": name },
      h("h2", null, name),
      h("p", { class: "badges" }, h("span", { class: `badge${enabled ? " done" : ""}` }, t(enabled ? "platforms.on" : "platforms.off"))),
      h("p", { class: "hold-cameras" }, cameras.map((id) => store.cameraName(id)).join(", ") || t("platforms.no_camera")),
      h("p", { class: "dim small" }, seen),
      h(
        "div",
        { class: "tools pair" },
        button(t("platforms.addresses"), () => this.#showLogin(platform, t("close"))),
        button(t("platforms.edit"), () => this.#ask(platform)),
      ),
      h(
        "div",
        { class: "tools pair" },
        button(t("platforms.login"), () => this.#confirm(platform, "renew")),
        button(t("platforms.remove"), () => this.#confirm(platform, "remove"), "danger-outline"),
      ),
    );
  }

  /** Which cameras; of a new one its name too. @param {Platform | null} platform */
  #ask(platform) {
    const name = field(
      t("platforms.name"),
      { name: "name", maxlength: this.#shown?.max_name ?? 32, autocomplete: "off", autocapitalize: "none", spellcheck: "false" },
      t("platforms.name_hint"),
    );
    const enabled = h("input", { type: "checkbox", id: "platform-enabled", checked: platform?.enabled ?? true });
    const known = this.app.store.state.cameras ?? [];
    let chosen = (platform?.cameras ?? []).filter((id) => known.some((camera) => camera.id === id));
    const chips = h("div", { class: "camera-chips" });
    const showChips = () =>
      fill(
        chips,
        cameraChips(known, chosen, known.length, (id) => {
          chosen = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id];
          showChips();
          /** @type {HTMLElement | null} */ (chips.querySelector(`[data-camera="${CSS.escape(id)}"]`))?.focus();
        }),
      );
    showChips();
    const cameras = h("div", { class: "field", role: "group", "aria-label": t("platforms.cameras") }, h("p", null, t("platforms.cameras")), chips);
    const rows = platform
      ? [cameras, h("label", { class: "platform-switch", for: enabled.id }, enabled, t("platforms.allow"))]
      : [name.row, cameras];
    const form = new AskForm(t(platform ? "schedule.save" : "platforms.add"), rows, async () => {
      if (platform) await this.#send("PUT", address(platform.name), { cameras: chosen, enabled: enabled.checked });
      else {
        const made = await this.#send("POST", "/api/platforms", { name: name.input.value.trim(), cameras: chosen });
        await this.#load();
        this.#showLogin(made, t("platforms.noted"));
        return;
      }
      this.#dialog.close();
      await this.#load();
    });
    this.#open(platform?.name ?? t("platforms.add"), form.form, this.#closer(t("hold.cancel")));
  }

  /** @param {Platform} platform @param {"renew" | "remove"} deed */
  #confirm({ name }, deed) {
    const form = new AskForm(t(`platforms.${deed}_sure`), [], async () => {
      if (deed === "renew") {
        this.#showLogin(await this.#send("POST", `${address(name)}/password`, {}), t("platforms.noted"));
        return;
      }
      await this.app.api.request("DELETE", address(name));
      this.#dialog.close();
      await this.#load();
    });
    form.form.querySelector("button")?.classList.replace("primary", "danger-outline");
    this.#open(t(`platforms.${deed}_question`, { name }), h("p", null, t(`platforms.${deed}_warning`)), this.#closer(t("hold.cancel")), form.form);
  }

  /**
   * What to type into the platform. The password cannot be shown again.
   *
   * @param {Platform & {password?: string}} platform
   * @param {string} close words of the button that closes it
   */
  #showLogin(platform, close) {
    if (!this.#shown) return;
    const title = t("platforms.login_of", { name: platform.name });
    this.#open(title, ...loginOf(platform, this.#shown), this.#closer(close));
  }

  /** @param {string} title @param {...HTMLElement} parts */
  #open(title, ...parts) {
    fill(this.#dialog, h("h2", { id: "platform-title" }, title), parts);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTo(0, 0);
  }

  /** @param {string} words */
  #closer(words) {
    return h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, words);
  }

  /** @param {string} method @param {string} path @param {object} body @throws {import("./api.js").ApiError} */
  async #send(method, path, body) {
    return (await this.app.api.request(method, path, { body: JSON.stringify(body), type: JSON_TYPE })).json();
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

/** @param {string} name */
function address(name) {
  return `/api/platforms/${encodeURIComponent(name)}`;
}

customElements.define("nvr-platforms", NvrPlatforms);
