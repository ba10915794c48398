/** @import {Delivery} from "./types.js" */
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { deliveryWords } from "./notify-words.js";

/** Who was told of an incident besides this page, and who could not be. */
export class NvrDeliveries extends NvrElement {
  #shown = "";
  #asked = 0;

  /** @param {number} incident */
  async show(incident) {
    const asked = ++this.#asked;
    try {
      const { deliveries } = await this.app.api.get(`/api/incidents/${incident}/deliveries`, this.gone);
      if (asked === this.#asked) this.#show(deliveries);
    } catch {
      // Whatever it is, the rest of the incident is worth more than a message here; the next change asks again.
    }
  }

  /** @param {Delivery[]} deliveries */
  #show(deliveries) {
    /** @type {Map<string, {line: string, state: string, count: number}>} phones of one target are told once */
    const lines = new Map();
    for (const delivery of deliveries) {
      const kind = delivery.kind === null ? null : t(`notify.kind.${delivery.kind}`);
      const name = kind === null ? delivery.target : `${kind} (${delivery.target})`;
      const line = `${deliveryWords(delivery, this.app.time)} · ${name}`;
      const known = lines.get(line) ?? { line, state: delivery.state, count: 0 };
      lines.set(line, { ...known, count: known.count + 1 });
    }
    const looks = JSON.stringify([...lines.values()]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(
      this,
      [...lines.values()].map(({ line, state, count }) =>
        h(
          "p",
          { class: "delivery small", "data-state": state },
          icon(state === "delivered" ? "check" : state === "withdrawn" ? "minus" : "bell"),
          count > 1 ? `${line} × ${count}` : line,
        ),
      ),
    );
  }
}

customElements.define("nvr-deliveries", NvrDeliveries);
