/** @import {NewPhone, Tunnel, TunnelPhone} from "./tunnel-types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";

/** The phones that may come in from outside; a new one's code is shown once. */
export class NvrTunnelPhones extends NvrElement {
  #list = h("div", { class: "stocks" });
  #again = h("p", { class: "tunnel-again", role: "status" });
  #form = h("div", null);
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "tunnel-phone-title" });
  #shown = "";
  /** Called after a phone came or went: the hub's text is another now. */
  changed = async () => {};

  build() {
    this.#dialog.addEventListener("close", () => fill(this.#dialog)); // its code is gone with it
    fill(this, h("h2", null, t("tunnel.phones")), this.#list, this.#again, this.#form, this.#dialog);
  }

  /** @param {Tunnel} tunnel */
  show({ phones, max_phones: most, max_name: longest }) {
    const shown = JSON.stringify([phones, most, longest]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    fill(
      this.#list,
      phones.length ? phones.map((phone) => this.#card(phone)) : h("p", { class: "dim" }, t("tunnel.no_phones")),
    );
    if (phones.length >= most) fill(this.#form, h("p", { class: "dim" }, t("error.tunnel_full")));
    else this.#offer(longest);
  }

  /** @param {number} longest */
  #offer(longest) {
    const { row, input } = field(t("tunnel.phone_name"), { name: "phone", maxlength: longest, autocomplete: "off" }, t("tunnel.phone_hint"));
    const form = new AskForm(t("tunnel.add"), [row], async () => {
      const made = await this.app.api.post("/api/tunnel/phones", { name: input.value });
      input.value = "";
      this.#showCode(made);
      await this.#tell();
    });
    fill(this.#form, form.form);
  }

  /** @param {TunnelPhone} phone */
  #card(phone) {
    const { time, store } = this.app;
    const made = t("tunnel.added", { name: phone.created_by, time: time.moment(phone.created_s, store.nowS()) });
    return h(
      "div",
      { class: "deletion", "data-phone": phone.name, "data-failing": String(phone.address === null) },
      h("p", { class: "stock-line" }, h("strong", null, phone.name), h("span", null, phone.address ?? "")),
      h("p", { class: phone.address === null ? "error" : "dim small" }, phone.address === null ? t("tunnel.damaged_phone") : made),
      h("button", { type: "button", class: "button quiet", onclick: () => this.#ask(phone) }, t("tunnel.remove")),
    );
  }

  /** @param {NewPhone} made */
  #showCode({ name, conf, qr }) {
    const picture = URL.createObjectURL(new Blob([qr], { type: "image/svg+xml" }));
    const file = URL.createObjectURL(new Blob([conf], { type: "text/plain" }));
    const release = () => [picture, file].forEach((address) => URL.revokeObjectURL(address));
    fill(
      this.#dialog,
      h("h2", { id: "tunnel-phone-title" }, name),
      h("p", null, t("tunnel.scan")),
      h("img", { class: "qr", src: picture, alt: t("tunnel.qr") }),
      h("p", { class: "tunnel-again" }, t("tunnel.once")),
      h("a", { class: "button quiet wide", href: file, download: "nvr.conf" }, icon("download"), t("tunnel.file")),
      h("button", { type: "button", class: "button primary wide", onclick: () => this.#dialog.close() }, t("tunnel.scanned")),
    );
    this.#dialog.addEventListener("close", release, { once: true });
    this.#dialog.showModal();
  }

  /** @param {TunnelPhone} phone */
  #ask({ name }) {
    const error = h("p", { class: "error", role: "alert", hidden: true });
    const sure = async () => {
      try {
        await this.app.api.request("DELETE", `/api/tunnel/phones/${encodeURIComponent(name)}`);
        this.#dialog.close();
        await this.#tell();
      } catch (problem) {
        say(error, errorText(problem));
        error.hidden = false;
      }
    };
    fill(
      this.#dialog,
      h("h2", { id: "tunnel-phone-title" }, t("tunnel.remove_question", { name })),
      h("p", null, t("tunnel.remove_warning")),
      error,
      h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, t("hold.cancel")),
      h("button", { type: "button", class: "button danger-outline wide", onclick: () => void sure() }, t("tunnel.remove")),
    );
    this.#dialog.showModal();
  }

  async #tell() {
    say(this.#again, t("tunnel.paste_again"));
    await this.changed();
  }
}

customElements.define("nvr-tunnel-phones", NvrTunnelPhones);
