/** @import {Search} from "./incident-search.js" */
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { sentence, t, tn } from "./i18n.js";
import { STATES, dayAfter, everything, isNarrowed, kindsOf, zonesOf } from "./incident-search.js";
import { kindWord } from "./incident-words.js";

const SPANS = [7, 30];

/** What incidents are looked for: a row of choices for one thumb, each lit while it narrows what is shown. */
export class NvrSearch extends NvrElement {
  /** @type {Search} */
  search = everything();
  /** Called after each change of `search`. */
  changed = () => {};
  #chips = h("div", { class: "search-chips" });
  #days = h("div", { class: "search-days", hidden: true });
  #isChoosing = false;
  #shown = "";

  build() {
    this.#isChoosing = (this.search.from || this.search.to) !== "" && this.#dayChoice() === "choose";
    fill(this, this.#chips, this.#days);
    this.setAttribute("role", "search");
    this.watch(["cameras"], () => {
      const known = JSON.stringify(this.app.store.state.cameras?.map(({ id, name, zones }) => [id, name, zones]));
      if (known !== this.#shown) this.#show(); // an open choice must not be rebuilt under the finger
      this.#shown = known;
    });
  }

  /** @param {Partial<Search>} change */
  #take(change) {
    this.search = { ...this.search, ...change };
    this.#show();
    this.changed();
  }

  #show() {
    const cameras = this.app.store.state.cameras ?? [];
    const { camera, kind, zone, state } = this.search;
    const zones = zonesOf(cameras, camera);
    const kinds = kindsOf(cameras);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.choice;
    fill(
      this.#chips,
      this.#choice(
        "camera",
        camera,
        t("search.any_camera"),
        cameras.map((one) => [one.id, one.name]),
        (id) => this.#take({ camera: id, zone: zonesOf(cameras, id).includes(zone) ? zone : "" }),
      ),
      this.#choice(
        "kind",
        kind,
        t("search.any_kind"),
        kinds.map((word) => [word, sentence(kindWord(word))]),
        (word) => this.#take({ kind: word }),
      ),
      this.#choice("day", this.#dayChoice(), t("search.any_day"), this.#dayOptions(), (word) => this.#takeDay(word)),
      zones.length || zone
        ? this.#choice(
            "zone",
            zone,
            t("search.any_zone"),
            zones.map((name) => [name, t("zone.named", { zone: name })]),
            (name) => this.#take({ zone: name }),
          )
        : null,
      this.#choice(
        "state",
        state,
        t("search.any_state"),
        Object.keys(STATES).map((word) => [word, t(`search.state.${word}`)]),
        (word) => this.#take({ state: word }),
      ),
      isNarrowed(this.search)
        ? h(
            "button",
            { type: "button", class: "button quiet search-clear", onclick: () => this.#clear() },
            icon("cross"),
            t("search.clear"),
          )
        : null,
    );
    if (focused) /** @type {HTMLElement | null} */ (this.querySelector(`[data-choice="${focused}"]`))?.focus();
    this.#showDays();
  }

  /**
   * @param {keyof Search | "day"} name
   * @param {string} value
   * @param {string} any
   * @param {[string, string][]} options value and words
   * @param {(value: string) => void} then
   */
  #choice(name, value, any, options, then) {
    // What the address asks for may be of a camera that is no more.
    const known = options.some(([one]) => one === value) || !value ? options : [...options, [value, value]];
    const select = h(
      "select",
      {
        class: "search-chip",
        "data-choice": name,
        "aria-label": t(`search.${name}`),
        onchange: () => then(select.value),
      },
      h("option", { value: "" }, any),
      known.map(([one, words]) => h("option", { value: one }, words)),
    );
    select.value = value;
    select.classList.toggle("chosen", value !== "");
    return select;
  }

  #today() {
    return this.app.time.input(this.app.store.nowS()).slice(0, 10);
  }

  /** @returns {[string, string][]} */
  #dayOptions() {
    return [
      ["today", sentence(t("day.today"))],
      ["yesterday", sentence(t("day.yesterday"))],
      ...SPANS.map((days) => /** @type {[string, string]} */ ([String(days), tn("search.last_days", days)])),
      ["choose", t("search.choose_days")],
    ];
  }

  #dayChoice() {
    const { from, to } = this.search;
    if (this.#isChoosing) return "choose";
    if (!from && !to) return "";
    const today = this.#today();
    if (from === to && from === today) return "today";
    if (from === to && from === dayAfter(today, -1)) return "yesterday";
    const days = SPANS.find((count) => from === dayAfter(today, 1 - count) && to === today);
    return days ? String(days) : "choose";
  }

  /** @param {string} word */
  #takeDay(word) {
    const today = this.#today();
    this.#isChoosing = word === "choose";
    if (word === "") return this.#take({ from: "", to: "" });
    if (word === "today") return this.#take({ from: today, to: today });
    const before = dayAfter(today, -1);
    if (word === "yesterday") return this.#take({ from: before, to: before });
    if (word === "choose") return this.#take({ from: this.search.from || today, to: this.search.to || today });
    return this.#take({ from: dayAfter(today, 1 - Number(word)), to: today });
  }

  #showDays() {
    const { from, to } = this.search;
    this.#days.hidden = this.#dayChoice() !== "choose";
    if (this.#days.hidden) return fill(this.#days);
    const [first, last] = this.#days.querySelectorAll("input");
    if (first && last) {
      first.value = from;
      last.value = to;
      return;
    }
    const start = h("input", { type: "date", value: from, onchange: () => this.#between(start, end) });
    const end = h("input", { type: "date", value: to, onchange: () => this.#between(start, end) });
    fill(this.#days, h("label", null, t("search.from"), start), h("label", null, t("search.to"), end));
  }

  /** Days the wrong way round are meant the right way round. @param {HTMLInputElement} a @param {HTMLInputElement} b */
  #between(a, b) {
    const [from, to] = a.value && b.value && a.value > b.value ? [b.value, a.value] : [a.value, b.value];
    this.#isChoosing = true;
    this.#take({ from, to });
  }

  #clear() {
    this.#isChoosing = false;
    this.#take(everything());
  }
}

customElements.define("nvr-search", NvrSearch);
