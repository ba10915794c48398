/** @import {Camera, Layout} from "./types.js" */
import { noPictureWords } from "./camera-words.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t, tn } from "./i18n.js";
import { NvrIncidents } from "./nvr-incidents.js";
import { NvrTile } from "./nvr-tile.js";
import { wallKeys } from "./wall-keys.js";
import { SIZES, arranged, neighbour, pageOf } from "./wall.js";

const REMEMBERED = "nvr.wall";

/** The cameras as a wall of tiles, page by page; beside it, on a wide screen, the latest incidents. */
export class NvrCameras extends NvrElement {
  #section = h("section", { class: "wall" });
  #grid = h("div", { class: "grid" });
  #count = h("span", { class: "count" });
  #view = h("select", { class: "camera-choice", onchange: () => this.#choose(this.#view.value) });
  #edit = h("button", { type: "button", class: "icon-button", onclick: () => void this.#openEditor() });
  #before = this.#pageButton(-1, "stepBack", "wall.previous");
  #next = this.#pageButton(1, "stepOn", "wall.next");
  #where = h("span", { role: "status" });
  #pager = h("div", { class: "pager" }, this.#before, this.#where, this.#next);
  #offered = "";
  #shrink = h("button", { type: "button", class: "button quiet", onclick: () => this.shrink() });
  #editor = h("div", null);
  /** @type {Map<string, NvrTile>} */
  #tiles = new Map();
  /** @type {Layout[]} */
  #layouts = [];
  #chosen = remembered();
  #page = 0;
  #wide = window.matchMedia("(min-width: 1200px)");
  /** The camera that fills the wall, "" if none does. */
  #large = "";

  build() {
    const feed = this.#wide.matches ? make(NvrIncidents, this.app, "feed") : null;
    if (feed) feed.brief = true;
    this.#view.setAttribute("aria-label", t("wall.view"));
    fill(this.#shrink, icon("back"), t("wall.shrink"));
    fill(
      this.#section,
      h(
        "div",
        { class: "title-row wall-bar" },
        h("h1", null, t("live.title")),
        this.#count,
        h(
          "div",
          { class: "wall-tools" },
          this.#shrink,
          this.#pager,
          this.#view,
          this.#edit,
          document.fullscreenEnabled &&
            h(
              "button",
              {
                type: "button",
                class: "icon-button",
                "aria-label": t("camera.fullscreen"),
                title: t("camera.fullscreen"),
                onclick: () => this.fillScreen(),
              },
              icon("expand"),
            ),
        ),
      ),
      this.#grid,
    );
    fill(this, this.#section, feed, this.#editor);
    wallKeys(this, this.gone);
    this.#wide.addEventListener("change", () => this.#show(), { signal: this.gone });
    this.watch(["cameras", "linked"], () => this.#show());
    void this.#load();
  }

  leave() {
    this.#tiles.clear();
  }

  /** To the tile that an arrow leads to. @param {string} key */
  go(key) {
    const tiles = [...this.#grid.children];
    const at = tiles.findIndex((tile) => tile.contains(document.activeElement));
    if (at < 0 || this.#large) return this.#focus(0);
    const there = neighbour(at, key, this.#columns, tiles.length);
    if (there >= 0 && there < tiles.length) return this.#focus(there);
    if (this.turn(there < 0 ? -1 : 1)) this.#focus(there < 0 ? this.#grid.children.length - 1 : 0);
  }

  /** @param {number} by pages @returns {boolean} whether there is such a page */
  turn(by) {
    const before = this.#page;
    this.#large = "";
    this.#page += by;
    this.#show();
    return this.#page !== before;
  }

  /** Let a tile fill the wall, or no longer. @param {number} index on this page */
  enlarge(index) {
    const tile = this.#grid.children[index];
    if (tile instanceof NvrTile) this.#toggle(tile.dataset.camera ?? "");
  }

  /** @returns {boolean} whether one was large */
  shrink() {
    const wasLarge = this.#large !== "";
    this.#large = "";
    this.#showLarge();
    return wasLarge;
  }

  fillScreen() {
    void (document.fullscreenElement ? document.exitFullscreen() : this.#section.requestFullscreen?.());
  }

  get #columns() {
    return Number(this.#grid.style.getPropertyValue("--columns")) || 1;
  }

  /** @param {number} index */
  #focus(index) {
    const tile = this.#grid.children[index];
    if (tile instanceof HTMLElement) tile.focus();
  }

  /** @param {string} camera */
  #toggle(camera) {
    this.#large = this.#large === camera ? "" : camera;
    this.#showLarge();
  }

  #showLarge() {
    const tile = this.#tiles.get(this.#large);
    if (!tile?.isConnected) this.#large = "";
    this.#grid.classList.toggle("has-large", this.#large !== "");
    for (const [camera, each] of this.#tiles) each.classList.toggle("is-large", camera === this.#large);
    this.#shrink.hidden = this.#large === "";
    if (this.#large) tile?.focus();
  }

  async #load() {
    try {
      this.#layouts = (await this.app.api.get("/api/layouts", this.gone)).layouts;
    } catch {
      return; // all cameras can be seen without
    }
    this.#show();
  }

  /** @param {string} chosen */
  #choose(chosen) {
    this.#chosen = chosen;
    this.#page = 0;
    this.#large = "";
    remember(chosen);
    this.#show();
  }

  async #openEditor() {
    const { NvrLayout } = await import("./nvr-layout.js");
    const { layout, tiles, slots } = this.#wall();
    const editor = make(NvrLayout, this.app);
    fill(this.#editor, editor);
    editor.open(layout, tiles, slots, (kept, removed) => {
      const others = this.#layouts.filter(({ id }) => id !== (kept?.id ?? removed));
      this.#layouts = kept ? [...others, kept].sort((a, b) => a.id - b.id) : others;
      this.#choose(kept ? `layout:${kept.id}` : "");
    });
  }

  #wall() {
    const cameras = (this.app.store.state.cameras ?? []).map(({ id }) => id);
    return arranged(this.#chosen, this.#layouts, cameras, this.#wide.matches);
  }

  #show() {
    const { cameras } = this.app.store.state;
    this.#section.classList.toggle("is-bare", !cameras?.length);
    if (cameras === null) return fill(this.#grid, h("p", { class: "empty" }, t("loading")));
    const watched = cameras.filter((camera) => noPictureWords(camera, this.app.store) === "").length;
    const known = cameras.length > 0 && this.app.store.state.linked !== false;
    say(this.#count, known ? tn("live.count", cameras.length, { live: watched }) : "");
    if (!cameras.length) {
      return fill(this.#grid, h("p", { class: "empty" }, icon("live"), t("live.none")));
    }
    const wall = this.#wall();
    const { page, pages, slots, columns, rows } = pageOf(wall, this.#page);
    this.#page = page;
    this.#grid.style.setProperty("--columns", String(columns));
    this.#grid.style.setProperty("--rows", String(rows));
    this.#grid.classList.toggle("is-fixed", wall.isFixed);
    this.#grid.dataset.tiles = String(wall.isFixed ? wall.tiles : "");
    this.#place(slots.map((slot) => cameras.find(({ id }) => id === slot) ?? null));
    this.#showLarge();
    this.#showView(wall.layout);
    this.#showPager(page, pages);
  }

  /** @param {(Camera | null)[]} shown */
  #place(shown) {
    const present = [...this.#grid.children];
    const order = shown.map((camera, i) => (camera ? this.#tile(camera.id) : emptyTile(present[i])));
    // Moving an element restarts its picture, so the grid is touched only when the list changed.
    if (order.length !== present.length || order.some((tile, i) => tile !== present[i])) fill(this.#grid, order);
    for (const [i, camera] of shown.entries()) {
      const tile = order[i];
      if (camera && tile instanceof NvrTile) tile.show(camera);
    }
    for (const [id, tile] of this.#tiles) if (!tile.isConnected) this.#tiles.delete(id);
  }

  /** @param {string} camera */
  #tile(camera) {
    let tile = this.#tiles.get(camera);
    if (!tile) {
      tile = make(NvrTile, this.app);
      tile.addEventListener("enlarge", () => this.#toggle(camera));
      this.#tiles.set(camera, tile);
    }
    return tile;
  }

  /** @param {Layout | null} layout */
  #showView(layout) {
    const offered = JSON.stringify([this.#chosen, this.#layouts.map(({ id, name }) => [id, name])]);
    if (offered === this.#offered) return; // somebody may be choosing
    this.#offered = offered;
    /** @param {string} value @param {string} words */
    const option = (value, words) => h("option", { value }, words);
    const saved = this.#layouts.map(({ id, name }) => option(`layout:${id}`, name));
    fill(
      this.#view,
      option("", t("wall.all")),
      h("optgroup", { label: t("wall.grid") }, SIZES.map((size) => option(`tiles:${size}`, tn("wall.tiles", size)))),
      saved.length > 0 && h("optgroup", { label: t("wall.layouts") }, saved),
    );
    this.#view.value = this.#chosen;
    if (this.#view.selectedIndex < 0) this.#view.value = "";
    const words = t(layout ? "wall.edit" : "wall.save_as");
    this.#edit.setAttribute("aria-label", words);
    this.#edit.title = words;
    fill(this.#edit, icon(layout ? "edit" : "plus"));
  }

  /** @param {number} page @param {number} pages */
  #showPager(page, pages) {
    this.#pager.hidden = pages < 2;
    this.#before.disabled = page === 0;
    this.#next.disabled = page === pages - 1;
    say(this.#where, t("wall.page", { page: page + 1, pages }));
  }

  /** @param {number} by @param {"stepBack" | "stepOn"} picture @param {string} words */
  #pageButton(by, picture, words) {
    const props = { type: "button", class: "icon-button", "aria-label": t(words), onclick: () => this.turn(by) };
    return h("button", props, icon(picture));
  }
}

/** The empty tile that stands there already, or a new one. @param {Element | undefined} present */
function emptyTile(present) {
  return present?.classList.contains("tile-empty") ? present : h("div", { class: "tile-empty" }, t("wall.empty"));
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return ""; // storage is closed in some private windows
  }
}

/** @param {string} chosen */
function remember(chosen) {
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // As above: it holds until the page is closed.
  }
}

customElements.define("nvr-cameras", NvrCameras);
