/** @import {LogIn} from "./account-types.js" */
import { errorText } from "./api.js";
import { fill, h, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";

/** The log-ins of an account, each with the button that ends it. */
export class NvrLogIns extends NvrElement {
  /** Where they are listed and ended. */
  path = "/api/sessions";
  /** Called after one was ended. */
  onended = () => {};
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #list = h("ul", { class: "log-ins" });

  build() {
    fill(this, this.#error, this.#list);
    fill(this.#list, h("li", { class: "dim" }, t("loading")));
    void this.load();
  }

  /** List them anew. */
  async load() {
    try {
      const { sessions } = await this.app.api.get(this.path, this.gone);
      this.#show(sessions);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {LogIn[]} found */
  #show(found) {
    this.#error.hidden = true;
    if (found.length) fill(this.#list, found.map((one) => this.#row(one)));
    else fill(this.#list, h("li", { class: "dim" }, t("log_ins.none")));
  }

  /** @param {LogIn} one */
  #row({ id, begun_s: begunS, address, agent, own, open }) {
    const { time, store } = this.app;
    return h(
      "li",
      { "data-log-in": id },
      h("div", null, h("strong", null, device(agent)), " ", h("span", { class: "dim" }, t("log_ins.from", { address }))),
      h("p", { class: "dim small" }, t("log_ins.since", { time: time.moment(begunS, store.nowS()) })),
      h(
        "p",
        { class: "badges" },
        own && h("span", { class: "badge done" }, t("log_ins.own")),
        open && h("span", { class: "badge" }, t("log_ins.open")),
      ),
      !own && h("button", { type: "button", class: "button danger-outline", onclick: () => void this.#end(id) }, t("log_ins.end")),
    );
  }

  /** @param {string} id */
  async #end(id) {
    try {
      await this.app.api.request("DELETE", `${this.path}/${id}`);
      this.onended();
      await this.load();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

/** Browser and system in two words, as far as what a browser calls itself tells. @param {string} agent */
export function device(agent) {
  const browsers = { Edg: "Edge", OPR: "Opera", coc_coc_browser: "Coc Coc", SamsungBrowser: "Samsung", CriOS: "Chrome", Chrome: "Chrome", Firefox: "Firefox", FxiOS: "Firefox", Safari: "Safari" };
  const systems = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", Linux: "Linux" };
  const first = (/** @type {Record<string, string>} */ names) => names[Object.keys(names).find((word) => agent.includes(word)) ?? ""];
  return [first(browsers), first(systems)].filter(Boolean).join(" · ") || t("log_ins.unknown_device");
}

customElements.define("nvr-log-ins", NvrLogIns);
