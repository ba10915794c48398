/** @import {ZoneOutcomes} from "./types.js" */
import { fill, h } from "./dom.js";
import { NvrElement } from "./element.js";
import { t, tn } from "./i18n.js";
import { everything, searchAddress } from "./incident-search.js";
import { responseBadge, zoneWord } from "./incident-words.js";

const DAY_S = 86400;

/** False alarms of late by camera and zone: by them staff decide whether a zone keeps its siren. */
export class NvrOutcomes extends NvrElement {
  build() {
    this.hidden = true;
    void this.#load();
  }

  async #load() {
    try {
      const { since_s: sinceS, zones } = await this.app.api.get("/api/outcomes", this.gone);
      this.#show(sinceS, zones.filter((/** @type {ZoneOutcomes} */ zone) => zone.false_alarm > 0));
    } catch {
      // The list below says what is the matter.
    }
  }

  /** @param {number} sinceS @param {ZoneOutcomes[]} zones most false alarms first */
  #show(sinceS, zones) {
    this.hidden = !zones.length;
    const sum = zones.reduce((total, zone) => total + zone.false_alarm, 0);
    const days = Math.round((this.app.store.nowS() - sinceS) / DAY_S);
    const from = this.app.time.input(sinceS).slice(0, 10);
    fill(
      this,
      h(
        "details",
        { class: "outcomes-card" },
        h("summary", null, tn("outcomes.title", sum, { days })),
        h("div", { class: "outcomes-list" }, zones.map((zone) => this.#row(zone, from))),
      ),
    );
  }

  /** @param {ZoneOutcomes} zone @param {string} from */
  #row({ camera, zone, real, false_alarm: wrong, test, other }, from) {
    const known = this.app.store.state.cameras?.find(({ id }) => id === camera);
    const place = known && [...known.zones, ...known.lines].find(({ name }) => name === zone);
    const search = { ...everything(), camera, from, state: "false_alarm", zone: zone === "*" ? "" : zone };
    return h(
      "a",
      { class: "outcomes-row", href: searchAddress(search) },
      h(
        "span",
        null,
        [this.app.store.cameraName(camera), zoneWord({ zone, rule: "enter" })].filter(Boolean).join(" · "),
        " ",
        place ? responseBadge(place.response) : null,
      ),
      h("strong", null, t("outcomes.share", { wrong, all: real + wrong + test + other })),
    );
  }
}

customElements.define("nvr-outcomes", NvrOutcomes);
