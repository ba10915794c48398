/** @import {NotifyTarget, PushOffer} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t, tn } from "./i18n.js";
import { problemWord } from "./notify-words.js";
import { canPush, switchOff, switchOn } from "./push.js";
import { span } from "./time.js";

/** Who is told of incidents besides this page: how they do, a test of each, and this phone. */
export class NvrNotify extends NvrElement {
  #phone = h("section", { class: "stocks" });
  #targets = h("section", { class: "stocks" });

  build() {
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/alarm", "aria-label": t("back.alarm") }, icon("back")),
        h("h1", null, t("notify.title")),
      ),
      this.#phone,
      this.#targets,
    );
    void this.#loadPhone();
    if (this.app.store.mayAct) void this.#loadTargets();
  }

  async #loadTargets() {
    try {
      const { targets } = await this.app.api.get("/api/notify", this.gone);
      fill(
        this.#targets,
        h("h2", null, t("notify.targets")),
        targets.length
          ? targets.map((/** @type {NotifyTarget} */ target) => this.#target(target))
          : h("p", { class: "empty" }, icon("bell"), t("notify.none")),
      );
    } catch (error) {
      if (!this.gone.aborted) fill(this.#targets, h("p", { class: "error", role: "alert" }, errorText(error)));
    }
  }

  /** @param {NotifyTarget} target */
  #target({ name, kind, after_s: afterS, responses, failing, waiting, delivered_s: deliveredS }) {
    const { time, store } = this.app;
    const said = h("p", { class: "test-answer", role: "status" });
    const facts = [
      t(failing ? "notify.failing" : "notify.well"),
      waiting ? tn("notify.waiting", waiting) : null,
      deliveredS === null ? t("notify.never") : t("notify.delivered", { time: time.moment(deliveredS, store.nowS()) }),
    ];
    return h(
      "div",
      { class: "deletion", "data-target": name, "data-failing": String(failing) },
      h("p", { class: "stock-line" }, h("strong", null, name), h("span", null, t(`notify.kind.${kind}`))),
      h("p", { class: failing ? "error" : null }, facts.filter(Boolean).join(" · ")),
      h(
        "p",
        { class: "dim small" },
        [
          afterS ? t("notify.after", { span: span(afterS) }) : t("notify.at_once"),
          responses.map((response) => t(`response.${response}`)).join(", "),
        ].join(" · "),
      ),
      store.may("administer") &&
        h(
          "button",
          {
            type: "button",
            class: "button quiet",
            onclick: (/** @type {Event} */ event) =>
              void this.#test(name, /** @type {HTMLButtonElement} */ (event.currentTarget), said),
          },
          t("notify.test"),
        ),
      said,
    );
  }

  /** @param {string} name @param {HTMLButtonElement} button @param {HTMLElement} said */
  async #test(name, button, said) {
    button.disabled = true;
    say(said, t("notify.sending"));
    try {
      const { arrived, problem } = await this.app.api.post(`/api/notify/${encodeURIComponent(name)}/test`);
      say(said, problem === null ? tn("notify.arrived", arrived) : t("notify.not_arrived", { problem: problemWord(problem) }));
    } catch (error) {
      say(said, errorText(error));
    }
    button.disabled = false;
  }

  async #loadPhone() {
    try {
      this.#showPhone(await this.app.api.get("/api/push", this.gone));
    } catch (error) {
      if (!this.gone.aborted) this.#failPhone(errorText(error));
    }
  }

  /** @param {PushOffer} offer */
  #showPhone({ configured, installed, key, subscribed }) {
    const obstacle = !configured
      ? "notify.phone.not_configured"
      : !installed
        ? "notify.phone.not_installed"
        : !canPush()
          ? "notify.phone.no_browser"
          : null;
    fill(
      this.#phone,
      h("h2", null, t("notify.phone.title")),
      h("p", { class: "dim" }, t(obstacle ?? (subscribed ? "notify.phone.on" : "notify.phone.off"))),
      obstacle === null &&
        key !== null &&
        h(
          "button",
          { type: "button", class: "button quiet wide", onclick: () => void this.#switch(!subscribed, key) },
          icon("bell"),
          t(subscribed ? "notify.phone.switch_off" : "notify.phone.switch_on"),
        ),
    );
  }

  /** @param {boolean} on @param {string} key */
  async #switch(on, key) {
    try {
      await (on ? switchOn(this.app.api, key) : switchOff(this.app.api));
      await this.#loadPhone();
    } catch (error) {
      const refused = error instanceof DOMException;
      this.#failPhone(refused ? t("notify.phone.refused") : errorText(error));
    }
  }

  /** @param {string} words */
  #failPhone(words) {
    this.#phone.querySelector(".error")?.remove();
    this.#phone.append(h("p", { class: "error", role: "alert" }, words));
  }
}

customElements.define("nvr-notify", NvrNotify);
