/** @import {Incident} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { sentence, t } from "./i18n.js";
import { belongs, conditions, everything, isNarrowed, searchAddress } from "./incident-search.js";
import { bestPicture, handledBadge, kindWord, responseBadge, testBadge, zoneWord } from "./incident-words.js";
import { NvrOutcomes } from "./nvr-outcomes.js";
import { NvrSearch } from "./nvr-search.js";

const PAGE = 20;
const GRID_PAGE = 24;
const BRIEF = 8;

/**
 * Incidents, newest first, page by page; new ones appear at the top by themselves. What was searched for is shown as a
 * grid of the best pictures, and stays in the address.
 */
export class NvrIncidents extends NvrElement {
  /** Only the latest few, without controls: the column beside the live wall. */
  brief = false;
  search = everything();
  /** Called when the address has followed `search`. */
  narrowed = () => {};
  /** @type {Incident[]} */
  #incidents = [];
  /** @type {number | null} */
  #next = null;
  #list = h("div", { class: "incidents" });
  #more = h("button", { type: "button", class: "button quiet wide", onclick: () => this.#loadMore() });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #loaded = false;
  #generation = 0;
  /** Told of while the list is on its way, which may be older; null: it is here. @type {Incident[] | null} */
  #told = null;

  build() {
    const heading = h(this.brief ? "h2" : "h1", null, t(this.brief ? "incidents.latest" : "incidents.title"));
    fill(
      this,
      h("div", { class: "title-row" }, heading),
      this.brief ? null : this.#searchBar(),
      this.brief || this.#isGrid ? null : make(NvrOutcomes, this.app),
      this.#error,
      this.#list,
      this.brief ? null : this.#more,
    );
    say(this.#more, t("incidents.more"));
    this.app.store.watch(["incident"], () => this.#take(this.app.store.state.incident), this.gone);
    // What happened while the connection was lost came by no event.
    const relinked = () => {
      if (this.app.store.state.linked && (this.#loaded || !this.#error.hidden)) void this.#load();
    };
    this.app.store.watch(["linked"], relinked, this.gone);
    this.#more.hidden = true;
    fill(this.#list, h("p", { class: "empty" }, t("loading")));
    void this.#load();
  }

  #searchBar() {
    const bar = make(NvrSearch, this.app);
    bar.search = this.search;
    bar.changed = () => {
      this.search = bar.search;
      history.replaceState(history.state, "", searchAddress(this.search));
      this.narrowed();
      void this.#load();
    };
    return bar;
  }

  /** @param {number | null} before */
  #page(before) {
    const query = conditions(this.search, this.app.time);
    query.set("limit", String(this.brief ? BRIEF : this.#isGrid ? GRID_PAGE : PAGE));
    if (before !== null) query.set("before", String(before));
    return this.app.api.get(`/api/incidents?${query}`, this.gone);
  }

  async #load() {
    const generation = ++this.#generation;
    this.#told = [];
    try {
      const { incidents, next } = await this.#page(null);
      if (generation !== this.#generation) return;
      this.#incidents = incidents;
      this.#next = next;
      this.#loaded = true;
      this.#error.hidden = true;
      for (const incident of this.#told ?? []) this.#merge(incident);
      this.#told = null;
      this.#show();
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#told = null;
      this.#fail(error);
    }
  }

  async #loadMore() {
    const generation = this.#generation;
    this.#more.disabled = true;
    try {
      const { incidents, next } = await this.#page(this.#next);
      if (generation !== this.#generation) return;
      this.#incidents = [...this.#incidents, ...incidents];
      this.#next = next;
      this.#show();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#more.disabled = false;
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    if (!this.#loaded) fill(this.#list);
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }

  /** @param {Incident | null} incident */
  #take(incident) {
    if (!incident) return;
    this.#told?.push(incident);
    if (this.#loaded && this.#merge(incident)) this.#show();
  }

  /** Whether it is one of those shown. @param {Incident} incident */
  #merge(incident) {
    if (this.#incidents.some(({ id }) => id === incident.id))
      this.#incidents = this.#incidents.map((its) => (its.id === incident.id ? incident : its));
    else if (incident.id > (this.#incidents[0]?.id ?? 0) && belongs(incident, this.search, this.app.time))
      this.#incidents = [incident, ...this.#incidents];
    else return false;
    if (this.brief) this.#incidents = this.#incidents.slice(0, BRIEF);
    return true;
  }

  #show() {
    this.#more.hidden = this.#next === null;
    if (!this.#incidents.length) {
      const words = t(this.#isGrid ? "search.none" : "incidents.none");
      return fill(this.#list, h("p", { class: "empty" }, icon(this.#isGrid ? "search" : "shield"), words));
    }
    this.#list.classList.toggle("as-grid", this.#isGrid);
    /** @type {HTMLElement[]} */
    const parts = [];
    let day = "";
    for (const incident of this.#incidents) {
      const its = sentence(this.app.time.day(incident.opened_s, this.app.store.nowS()));
      if (its !== day) parts.push(h(this.brief ? "h3" : "h2", { class: "day" }, its));
      day = its;
      parts.push(this.#isGrid ? this.#card(incident) : this.#row(incident));
    }
    fill(this.#list, parts);
  }

  get #isGrid() {
    return !this.brief && isNarrowed(this.search);
  }

  /** @param {Incident} incident */
  #card(incident) {
    const place = [incident.camera_name, zoneWord(incident)].filter(Boolean).join(" · ");
    return h(
      "a",
      { class: `incident card response-edge-${incident.response}`, href: `#/incident/${incident.id}` },
      bestPicture(incident, "card-picture"),
      h(
        "span",
        { class: "card-words" },
        h(
          "span",
          { class: "incident-line" },
          h("strong", null, sentence(kindWord(incident.kind))),
          h("time", null, this.app.time.hourMinute(incident.opened_s)),
        ),
        h("span", { class: "incident-place" }, place),
        h("span", { class: "badges" }, testBadge(incident), handledBadge(incident, this.app)),
      ),
    );
  }

  /** @param {Incident} incident */
  #row(incident) {
    const place = [sentence(kindWord(incident.kind)), zoneWord(incident)].filter(Boolean).join(" · ");
    return h(
      "a",
      { class: `incident response-edge-${incident.response}`, href: `#/incident/${incident.id}` },
      bestPicture(incident, "thumbnail"),
      h(
        "span",
        { class: "incident-words" },
        h(
          "span",
          { class: "incident-line" },
          h("strong", null, incident.camera_name),
          h("time", null, this.app.time.clock(incident.opened_s)),
        ),
        h("span", { class: "incident-place" }, place),
        h(
          "span",
          { class: "badges" },
          responseBadge(incident.response),
          testBadge(incident),
          handledBadge(incident, this.app),
        ),
      ),
    );
  }
}

customElements.define("nvr-incidents", NvrIncidents);
