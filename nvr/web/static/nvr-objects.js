/** @import {Incident, SeenObject} from "./types.js" */
import { fill, h } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { sentence, t } from "./i18n.js";
import { kindWord } from "./incident-words.js";
import { NvrEvidence } from "./nvr-evidence.js";

/** What was seen in an incident: the best picture of each object, one of them large. */
export class NvrObjects extends NvrElement {
  /** Why the chosen one is certain; it has its own place on the page. */
  evidence = /** @type {NvrEvidence} */ (/** @type {unknown} */ (null));
  /** @type {SeenObject[]} */
  #objects = [];
  #chosen = 0;
  #shown = "";

  build() {
    this.hidden = true;
    this.evidence = make(NvrEvidence, this.app);
    this.evidence.hidden = true;
  }

  /** @param {SeenObject[]} objects */
  show(objects) {
    this.#objects = objects;
    if (!objects.some(({ number }) => number === this.#chosen)) {
      this.#chosen = (objects.find(({ picture }) => picture) ?? objects[0])?.number ?? 0;
    }
    this.#draw();
  }

  /** @param {number} number */
  #choose(number) {
    this.#chosen = number;
    this.#draw();
    /** @type {HTMLElement | null} */ (this.querySelector("[aria-pressed=true]"))?.focus();
  }

  #draw() {
    const chosen = this.#objects.find(({ number }) => number === this.#chosen);
    if (chosen) this.evidence.show(chosen);
    const looks = JSON.stringify([this.#chosen, this.#objects.map(({ number, picture }) => [number, picture])]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    this.hidden = !this.#objects.some(({ picture }) => picture);
    fill(
      this,
      chosen?.picture
        ? h("img", {
            class: "best-picture",
            src: chosen.picture,
            alt: t("incident.best", { kind: sentence(kindWord(chosen.kind)) }),
            decoding: "async",
          })
        : h("span", { class: "best-picture no-picture" }, t("incident.no_picture")),
      this.#objects.length > 1 ? h("div", { class: "object-choice" }, this.#objects.map((one) => this.#button(one))) : null,
    );
  }

  /** @param {SeenObject} seen */
  #button({ number, picture, kind }) {
    const word = sentence(kindWord(kind));
    return h(
      "button",
      {
        type: "button",
        class: "object-button",
        "aria-pressed": String(number === this.#chosen),
        "aria-label": t("incident.object", { number, kind: word }),
        onclick: () => this.#choose(number),
      },
      picture ? h("img", { src: picture, alt: "", loading: "lazy", decoding: "async" }) : null,
      h("span", null, word),
    );
  }
}

customElements.define("nvr-objects", NvrObjects);
