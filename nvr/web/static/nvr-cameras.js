/** @import {Camera} from "./types.js" */
import { noPictureWords } from "./camera-words.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t, tn } from "./i18n.js";
import { NvrIncidents } from "./nvr-incidents.js";
import { NvrPlayer } from "./nvr-player.js";

/** One camera of the grid: live picture, name, state; a tap shows it large. */
class NvrTile extends NvrElement {
  #player = /** @type {NvrPlayer | null} */ (null);
  #name = h("span", { class: "tile-name" });
  #badge = h("span", { class: "live-badge" });

  build() {
    this.#player = make(NvrPlayer, this.app);
    this.#player.addEventListener("statechange", () => this.#mark());
    fill(
      this,
      h("a", { class: "tile" }, this.#player, h("span", { class: "tile-caption" }, this.#name, this.#badge)),
    );
  }

  /** @param {Camera} camera */
  show(camera) {
    this.dataset.camera = camera.id;
    this.querySelector("a")?.setAttribute("href", `#/live/${encodeURIComponent(camera.id)}`);
    say(this.#name, camera.name);
    this.#player?.set(camera);
    this.#mark();
  }

  #mark() {
    const live = this.#player?.state === "live";
    this.classList.toggle("is-live", live);
    say(this.#badge, live ? t("player.live") : "");
  }
}

/** All cameras at once; beside them, on a wide screen, the latest incidents. */
export class NvrCameras extends NvrElement {
  #grid = h("div", { class: "grid" });
  #count = h("span", { class: "count" });
  /** @type {Map<string, NvrTile>} */
  #tiles = new Map();

  build() {
    const feed = window.matchMedia("(min-width: 1200px)").matches
      ? make(NvrIncidents, this.app, "feed")
      : null;
    if (feed) feed.brief = true;
    fill(
      this,
      h(
        "section",
        { class: "wall" },
        h("div", { class: "title-row" }, h("h1", null, t("live.title")), this.#count),
        this.#grid,
      ),
      feed,
    );
    this.watch(["cameras", "linked"], () => this.#show());
  }

  leave() {
    this.#tiles.clear();
  }

  #show() {
    const { cameras } = this.app.store.state;
    if (cameras === null) return fill(this.#grid, h("p", { class: "empty" }, t("loading")));
    const watched = cameras.filter((camera) => noPictureWords(camera, this.app.store) === "").length;
    const known = cameras.length > 0 && this.app.store.state.linked !== false;
    say(this.#count, known ? tn("live.count", cameras.length, { live: watched }) : "");
    this.#grid.style.setProperty("--columns", String(Math.min(5, Math.ceil(Math.sqrt(cameras.length)))));
    if (!cameras.length) {
      return fill(this.#grid, h("p", { class: "empty" }, icon("live"), t("live.none")));
    }
    const order = cameras.map((camera) => {
      const tile = this.#tiles.get(camera.id) ?? make(NvrTile, this.app);
      this.#tiles.set(camera.id, tile);
      return tile;
    });
    const present = [...this.#grid.children];
    // Moving an element restarts its picture, so the grid is touched only when the list changed.
    if (order.length !== present.length || order.some((tile, i) => tile !== present[i]))
      fill(this.#grid, order);
    for (const [i, tile] of order.entries()) tile.show(/** @type {Camera} */ (cameras[i]));
  }
}

customElements.define("nvr-tile", NvrTile);
customElements.define("nvr-cameras", NvrCameras);
