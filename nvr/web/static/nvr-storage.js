/** @import {CameraStock, Disk, Status} from "./types.js" */
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { t } from "./i18n.js";
import { daysWords, isBelowMinimum, keptWords } from "./storage-words.js";
import { size } from "./time.js";

/** Longer ones would make all the other bars tiny. */
const LONGEST_BAR_DAYS = 400;

/** How many days are kept of each camera, how many the disks would hold, and how full each disk is. */
export class NvrStorage extends NvrElement {
  #body = h("div", { class: "storage" });
  #links = h("div", { class: "tools pair storage-links" });
  #shown = "";

  build() {
    this.#shown = "";
    fill(this, h("div", { class: "title-row" }, h("h1", null, t("storage.title"))), this.#links, this.#body);
    fill(this.#body, h("p", { class: "empty" }, t("loading")));
    if (this.app.store.may("evidence")) fill(this.#links, this.#link("#/holds", "lock", t("holds.title")));
    if (this.app.store.may("administer")) void this.#offerDeletions();
    this.watch(["status", "cameras"], () => this.#show());
  }

  /** An appliance that does not tell what it deleted is not asked for it. */
  async #offerDeletions() {
    try {
      await this.app.api.get(`/api/deletions?since_s=${Math.floor(this.app.store.nowS())}`, this.gone);
    } catch {
      return;
    }
    this.#links.append(this.#link("#/deletions", "list", t("deletions.title")));
  }

  /** @param {string} href @param {"lock" | "list"} picture @param {string} words */
  #link(href, picture, words) {
    return h("a", { class: "button quiet", href }, icon(picture), words);
  }

  #show() {
    const { status, cameras } = this.app.store.state;
    if (!status || !cameras) return;
    const looks = JSON.stringify([status.storage, cameras.map(({ id, name }) => [id, name])]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    const stocks = status.storage.cameras;
    // Those of which too little is kept come first; a camera that is no more comes last.
    const ids = [...new Set([...cameras.map(({ id }) => id), ...Object.keys(stocks)])].filter((id) => stocks[id]);
    /** @param {string} id */
    const stock = (id) => /** @type {CameraStock} */ (stocks[id]);
    const low = ids.filter((id) => isBelowMinimum(stock(id)));
    const ordered = [...low, ...ids.filter((id) => !low.includes(id))];
    const longest = Math.max(1e-9, ...ids.map((id) => longestOf(stock(id))));
    fill(
      this.#body,
      this.#total(status),
      h("section", null, h("h2", null, t("storage.disks")), h("div", { class: "disks" }, this.#disks(status.storage.disks))),
      ids.length
        ? h(
            "section",
            null,
            h("h2", null, t("storage.by_camera")),
            h("p", { class: "dim small" }, t("storage.legend")),
            h("div", { class: "stocks" }, ordered.map((id) => this.#camera(id, stock(id), longest))),
          )
        : null,
    );
  }

  /** @param {Status} status */
  #total(status) {
    const { oldest_s: oldestS, days_kept: kept, days_possible: possible } = status.storage;
    const words = kept === null || oldestS === null ? t("storage.nothing") : keptWords(kept, possible);
    return h(
      "section",
      { class: "card storage-total" },
      h("p", { class: "storage-days" }, words),
      oldestS === null ? null : h("p", { class: "dim" }, t("storage.from", { date: this.app.time.date(oldestS) })),
      possible === null ? null : h("p", null, t("storage.possible_now", { days: daysWords(possible) })),
    );
  }

  /** @param {Disk[]} disks */
  #disks(disks) {
    return disks.map((disk) => {
      const whole = disk.used_bytes + disk.free_bytes;
      const bar = h("div", { class: "share-bar" }, h("div", { class: "share" }));
      /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${whole ? (disk.used_bytes * 100) / whole : 0}%`;
      return h(
        "div",
        { class: `disk${disk.state === "missing" ? " in-trouble" : ""}` },
        h("p", { class: "stock-line" }, h("strong", null, disks.length === 1 ? t("storage.disk") : t("storage.disk_n", { path: disk.path }))),
        bar,
        h(
          "p",
          { class: "dim small" },
          t(`storage.state.${disk.state}`, { used: size(disk.used_bytes), free: size(disk.free_bytes) }),
          disk.days_kept === null ? null : ` · ${keptWords(disk.days_kept, disk.days_possible)}`,
        ),
      );
    });
  }

  /** @param {string} id @param {CameraStock} stock @param {number} longest days of the whole width */
  #camera(id, stock, longest) {
    const { days_kept: kept, days_possible: possible, days_min: minimum = 0, oldest_s: oldestS } = stock;
    const isLow = isBelowMinimum(stock);
    /** @param {string} name @param {number} days @param {"width" | "left"} how */
    const part = (name, days, how) => {
      const element = h("div", { class: name });
      element.style[how] = `${Math.min(100, (days * 100) / longest)}%`;
      return element;
    };
    const facts = [
      possible === null ? null : t("storage.possible", { days: daysWords(possible) }),
      minimum > 0 ? t("storage.minimum", { days: daysWords(minimum) }) : null,
      size(stock.bytes),
    ];
    return h(
      "div",
      { class: `stock${isLow ? " in-trouble" : ""}`, "data-camera": id },
      h(
        "p",
        { class: "stock-line" },
        h("strong", null, this.app.store.cameraName(id)),
        h("span", null, oldestS === null ? t("storage.nothing") : keptWords(kept, possible)),
      ),
      h(
        "div",
        { class: "days-bar", "aria-hidden": "true" },
        possible === null ? null : part("days-possible", possible, "width"),
        part("days-kept", kept, "width"),
        minimum > 0 ? part("days-min", minimum, "left") : null,
      ),
      isLow
        ? h(
            "p",
            { class: "stock-trouble" },
            icon("alert"),
            t("storage.too_little", { days: daysWords(possible ?? 0), least: daysWords(minimum) }),
          )
        : null,
      h("p", { class: "dim small" }, facts.filter((fact) => fact !== null).join(" · ")),
    );
  }
}

/** @param {CameraStock} stock */
function longestOf({ days_kept: kept, days_possible: possible, days_min: minimum = 0 }) {
  return Math.max(kept, minimum, Math.min(possible ?? 0, LONGEST_BAR_DAYS));
}

customElements.define("nvr-storage", NvrStorage);
