/** @import {Tunnel, TunnelHub} from "./tunnel-types.js" */
import { errorText } from "./api.js";
import { copyable } from "./copy-text.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { AskForm, field } from "./form.js";
import { t, tn } from "./i18n.js";
import { NvrTunnelPhones } from "./nvr-tunnel-phones.js";
import { size, span } from "./time.js";

const LOOK_S = 5;
/** What hardly any house's own network is. @type {TunnelHub} */
const PROPOSED = { endpoint: "", hub_key: "", network: "10.77.0.0/24", address: "10.77.0.2" };

/** The way in from outside: whether it is up, the hub between, and the phones that may come. Administrators alone. */
export class NvrTunnel extends NvrElement {
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #words = h("p", { class: "tunnel-state", role: "status" });
  #traffic = h("p", { class: "dim small" });
  #page = h("p", null);
  #inside = h("p", { class: "tunnel-again" });
  #switch = h("button", { type: "button", class: "button wide" });
  #state = h("section", { class: "card plan-part" });
  #hub = h("section", { class: "card plan-part" });
  #paste = h("section", { class: "card plan-part" });
  #phones = /** @type {NvrTunnelPhones} */ (/** @type {unknown} */ (null));
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "tunnel-title" });
  /** @type {Tunnel | null} */
  #tunnel = null;
  #form = "";
  #conf = "";

  build() {
    this.#phones = make(NvrTunnelPhones, this.app, "card plan-part");
    this.#phones.changed = () => this.#load();
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        h("h1", null, t("tunnel.title")),
      ),
      this.#error,
      h("div", { class: "tunnel-columns" }, this.#state, this.#phones, this.#hub, this.#paste),
      this.#dialog,
    );
    fill(this.#state, this.#words, this.#traffic, this.#page, this.#inside, this.#switch);
    fill(this.#words, t("loading"));
    for (const part of [this.#phones, this.#hub, this.#paste, this.#switch]) part.hidden = true;
    this.#switch.addEventListener("click", () => void this.#ask("POST", "/api/tunnel/switch", { enabled: !this.#tunnel?.enabled }));
    void this.#load();
    this.every(LOOK_S, () => void this.#load());
  }

  async #load() {
    try {
      this.#show(await this.app.api.get("/api/tunnel", this.gone));
      this.#error.hidden = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {string} method @param {string} path @param {object} body */
  async #ask(method, path, body) {
    try {
      await this.#change(method, path, body);
      this.#error.hidden = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {string} method @param {string} path @param {object} body @throws {import("./api.js").ApiError} */
  async #change(method, path, body) {
    this.#show(await (await this.app.api.request(method, path, { body: JSON.stringify(body), type: "application/json" })).json());
  }

  /** @param {Tunnel} tunnel */
  #show(tunnel) {
    this.#tunnel = tunnel;
    const { hub, state, enabled, page } = tunnel;
    this.#state.dataset.state = state;
    say(this.#words, stateWords(tunnel));
    say(this.#traffic, enabled ? t("tunnel.traffic", { received: size(tunnel.received_bytes), sent: size(tunnel.sent_bytes) }) : "");
    say(this.#page, page && enabled ? t("tunnel.page", { page }) : "");
    const isInside = page !== null && new URL(page).hostname === location.hostname;
    say(this.#inside, isInside ? t("tunnel.inside") : "");
    this.#switch.hidden = hub === null;
    this.#switch.classList.toggle("primary", !enabled);
    this.#switch.classList.toggle("quiet", enabled);
    say(this.#switch, t(enabled ? "tunnel.switch_off" : "tunnel.switch_on"));
    this.#phones.hidden = hub === null;
    this.#phones.show(tunnel);
    this.#showForm(tunnel);
    this.#showConf(tunnel);
  }

  /** What somebody is typing stays until the appliance has other settings. @param {Tunnel} tunnel */
  #showForm({ hub, hub_key_file: keyFile, changed_s: changedS, changed_by: by }) {
    const form = JSON.stringify(hub);
    if (form === this.#form) return;
    this.#form = form;
    const { time, store } = this.app;
    const known = hub ?? PROPOSED;
    const command = `umask 077; wg genkey > ${keyFile}; wg pubkey < ${keyFile}`;
    const plain = { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 300 };
    const endpoint = field(t("tunnel.endpoint"), { ...plain, name: "endpoint", placeholder: "hub.example.org:51820", inputmode: "url" }, t("tunnel.endpoint_hint"));
    const key = field(t("tunnel.hub_key"), { ...plain, name: "hub_key" }, t("tunnel.hub_key_hint"));
    const network = field(t("tunnel.network"), { ...plain, name: "network" }, t("tunnel.network_hint"));
    const address = field(t("tunnel.address"), { ...plain, name: "address" });
    [endpoint.input.value, key.input.value] = [known.endpoint, known.hub_key];
    [network.input.value, address.input.value] = [known.network, known.address];
    key.row.append(h("code", { class: "conf" }, command));
    const ask = new AskForm(t("schedule.save"), [endpoint.row, key.row, network.row, address.row], () =>
      this.#change("PUT", "/api/tunnel", {
        endpoint: endpoint.input.value,
        hub_key: key.input.value,
        network: network.input.value,
        address: address.input.value,
      }),
    );
    fill(
      this.#hub,
      h("h2", null, t("tunnel.hub")),
      h("p", { class: "dim" }, t("tunnel.hub_intro")),
      ask.form,
      hub && h("p", { class: "dim small" }, t("tunnel.anew")),
      changedS !== null && h("p", { class: "dim small" }, t("tunnel.changed", { name: by ?? "", time: time.moment(changedS, store.nowS()) })),
    );
    this.#hub.hidden = false;
  }

  /** @param {Tunnel} tunnel */
  #showConf({ hub_conf: conf, public_key: key }) {
    if (`${conf}` === this.#conf) return;
    this.#conf = `${conf}`;
    this.#paste.hidden = conf === null || key === null;
    if (conf === null || key === null) return;
    fill(
      this.#paste,
      h("h2", null, t("tunnel.paste")),
      h("p", { class: "dim" }, t("tunnel.paste_intro")),
      copyable("/etc/wireguard/wg0.conf", conf),
      h("code", { class: "conf" }, "systemctl enable wg-quick@wg0; systemctl restart wg-quick@wg0"),
      h("p", { class: "dim small" }, t("tunnel.router")),
      copyable(t("tunnel.own_key"), key),
      h("button", { type: "button", class: "button danger-outline wide", onclick: () => this.#askForKey() }, t("tunnel.new_key")),
    );
  }

  #askForKey() {
    const close = () => this.#dialog.close();
    const sure = () => {
      close();
      void this.#ask("POST", "/api/tunnel/key", {});
    };
    fill(
      this.#dialog,
      h("h2", { id: "tunnel-title" }, t("tunnel.new_key_question")),
      h("p", null, t("tunnel.new_key_warning")),
      h("button", { type: "button", class: "button quiet wide", onclick: close }, t("hold.cancel")),
      h("button", { type: "button", class: "button danger-outline wide", onclick: sure }, t("tunnel.new_key")),
    );
    this.#dialog.showModal();
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

/** @param {Tunnel} tunnel */
function stateWords({ hub, state, handshake_age_s: ageS }) {
  if (hub === null) return t("tunnel.not_set_up");
  const age = ageS === null ? null : ageS < 60 ? tn("tunnel.seconds", Math.round(ageS)) : span(ageS);
  if (age !== null && (state === "connected" || state === "lost")) return t(`tunnel.state.${state}_since`, { age });
  return t(`tunnel.state.${state}`);
}

customElements.define("nvr-tunnel", NvrTunnel);
