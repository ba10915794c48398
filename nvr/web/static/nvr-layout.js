/** @import {Layout} from "./types.js" */
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { AskForm, field } from "./form.js";
import { t, tn } from "./i18n.js";
import { SIZES } from "./wall.js";

const MOST = 256;

/** Arranges one saved layout of the wall: its name, how many tiles a page has, which camera stands where. */
export class NvrLayout extends NvrElement {
  #dialog = h("dialog", { class: "sheet layout-sheet", "aria-labelledby": "layout-title" });
  #pages = h("div", { class: "layout-pages" });
  #more = h("button", { type: "button", class: "button quiet", onclick: () => this.#addPage() });
  #tiles = 4;
  /** @type {(string | null)[]} */
  #slots = [];

  build() {
    fill(this, this.#dialog);
  }

  /**
   * @param {Layout | null} layout null: a new one
   * @param {number} tiles
   * @param {(string | null)[]} slots
   * @param {(kept: Layout | null, removed: number | null) => void} done
   */
  open(layout, tiles, slots, done) {
    this.#tiles = SIZES.find((size) => size >= Math.min(tiles, Math.max(1, slots.length))) ?? 16;
    this.#slots = slots.slice(0, MOST);
    const name = field(
      t("layout.name"),
      { name: "name", maxlength: 40, autocomplete: "off", value: layout?.name ?? "" },
      t("layout.name_hint"),
    );
    const sizes = h("select", { class: "camera-choice", name: "tiles", id: "layout-tiles" });
    fill(sizes, SIZES.map((size) => h("option", { value: size }, tn("wall.tiles", size))));
    sizes.value = String(this.#tiles);
    sizes.addEventListener("change", () => {
      this.#tiles = Number(sizes.value);
      this.#showPages();
    });
    fill(this.#more, icon("plus"), t("layout.add_page"));
    const size = h("div", { class: "field" }, h("label", { for: sizes.id }, t("layout.tiles")), sizes);
    const form = new AskForm(t("layout.save"), [name.row, size, this.#pages, this.#more], async () => {
      const body = { name: name.input.value, tiles: this.#tiles, cameras: this.#slots };
      const kept = layout
        ? await this.#put(`/api/layouts/${layout.id}`, body)
        : await this.app.api.post("/api/layouts", body);
      this.#dialog.close();
      done(kept, null);
    });
    const remove = layout && new AskForm(t("layout.remove"), [], async () => {
      await this.app.api.request("DELETE", `/api/layouts/${layout.id}`);
      this.#dialog.close();
      done(null, layout.id);
    });
    remove?.form.querySelector("button")?.classList.replace("primary", "danger-outline");
    this.#showPages();
    fill(
      this.#dialog,
      h("h2", { id: "layout-title" }, t(layout ? "wall.edit" : "wall.save_as")),
      form.form,
      remove && remove.form,
      h("button", { type: "button", class: "button quiet wide", onclick: () => this.#dialog.close() }, t("close")),
    );
    this.#dialog.showModal();
    if (!layout) name.input.focus();
    this.#dialog.scrollTo(0, 0);
  }

  /** @param {string} path @param {object} body @returns {Promise<Layout>} */
  async #put(path, body) {
    return (await this.app.api.request("PUT", path, { body: JSON.stringify(body), type: "application/json" })).json();
  }

  #addPage() {
    this.#slots.push(...Array(this.#tiles).fill(null));
    this.#showPages();
  }

  #showPages() {
    const count = Math.min(MOST, Math.ceil(Math.max(1, this.#slots.length) / this.#tiles) * this.#tiles);
    while (this.#slots.length < count) this.#slots.push(null);
    this.#more.hidden = count + this.#tiles > MOST;
    this.#pages.style.setProperty("--columns", String(Math.sqrt(this.#tiles)));
    const pages = [];
    for (let first = 0; first < count; first += this.#tiles) {
      const places = Array.from({ length: this.#tiles }, (_, i) => this.#place(first + i));
      const title = t("layout.page", { n: first / this.#tiles + 1 });
      pages.push(h("h3", null, title), h("div", { class: "layout-page" }, places));
    }
    fill(this.#pages, pages);
  }

  /** @param {number} index */
  #place(index) {
    const choice = h("select", { class: "camera-choice" });
    choice.setAttribute("aria-label", t("layout.tile", { n: (index % this.#tiles) + 1 }));
    fill(
      choice,
      h("option", { value: "" }, t("wall.empty")),
      (this.app.store.state.cameras ?? []).map(({ id, name }) => h("option", { value: id }, name)),
    );
    choice.value = this.#slots[index] ?? "";
    choice.addEventListener("change", () => {
      // A camera has one place: where it stood before is empty now.
      const camera = choice.value || null;
      this.#slots = this.#slots.map((slot, i) => (i === index ? camera : slot === camera ? null : slot));
      this.#showPages();
      this.#pages.querySelectorAll("select")[index]?.focus();
    });
    return h("div", { class: "layout-place" }, choice);
  }
}

customElements.define("nvr-layout", NvrLayout);
