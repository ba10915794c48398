/** @import {Deletion} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { known, sentence, t, tn } from "./i18n.js";
import { size } from "./time.js";

const DAY_S = 86400;
const LOOK_BACK_DAYS = [7, 31, 366];

/** What was deleted, day by day, and why. For administrators. */
export class NvrDeletions extends NvrElement {
  #list = h("div", { class: "deletions" });
  #camera = h("select", { class: "camera-choice", onchange: () => void this.#load() });
  #days = h("select", { class: "camera-choice", onchange: () => void this.#load() });
  #generation = 0;

  build() {
    this.#camera.setAttribute("aria-label", t("incidents.filter"));
    this.#days.setAttribute("aria-label", t("deletions.since"));
    fill(
      this.#days,
      LOOK_BACK_DAYS.map((days) => h("option", { value: days }, t("deletions.last", { days: tn("span.days", days) }))),
    );
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/storage", "aria-label": t("back.storage") }, icon("back")),
        h("h1", null, t("deletions.title")),
      ),
      h("div", { class: "choices" }, this.#camera, this.#days),
      this.#list,
    );
    let shown = "";
    this.watch(["cameras"], () => {
      const cameras = this.app.store.state.cameras ?? [];
      const ids = JSON.stringify(cameras.map(({ id, name }) => [id, name]));
      if (ids === shown) return;
      shown = ids;
      const chosen = this.#camera.value;
      fill(
        this.#camera,
        h("option", { value: "" }, t("incidents.all_cameras")),
        cameras.map(({ id, name }) => h("option", { value: id }, name)),
      );
      this.#camera.value = chosen;
    });
    void this.#load();
  }

  async #load() {
    const generation = ++this.#generation;
    const sinceS = Math.floor(this.app.store.nowS() - Number(this.#days.value) * DAY_S);
    const query = new URLSearchParams({ since_s: String(sinceS) });
    if (this.#camera.value) query.set("camera", this.#camera.value);
    fill(this.#list, h("p", { class: "empty" }, t("loading")));
    try {
      const { deletions } = await this.app.api.get(`/api/deletions?${query}`, this.gone);
      if (generation === this.#generation) this.#show(deletions);
    } catch (error) {
      if (this.gone.aborted || generation !== this.#generation) return;
      fill(this.#list, h("p", { class: "error", role: "alert" }, errorText(error)));
    }
  }

  /** @param {Deletion[]} deletions newest first */
  #show(deletions) {
    if (!deletions.length) return fill(this.#list, h("p", { class: "empty" }, icon("disk"), t("deletions.none")));
    /** @type {HTMLElement[]} */
    const parts = [];
    let day = "";
    for (const deletion of deletions) {
      const its = sentence(this.app.time.day(deletion.day_s, this.app.store.nowS()));
      if (its !== day) parts.push(h("h2", { class: "day" }, its));
      day = its;
      parts.push(this.#row(deletion));
    }
    fill(this.#list, parts);
  }

  /** @param {Deletion} deletion */
  #row({ camera, role, cause, segments, bytes, start_s: startS, end_s: endS }) {
    const { time, store } = this.app;
    /** @param {number} s */
    const moment = (s) => `${time.hourMinute(s)} ${time.date(s)}`;
    const key = `deletions.cause.${cause}`;
    return h(
      "div",
      { class: "deletion", "data-cause": cause },
      h("p", { class: "stock-line" }, h("strong", null, store.cameraName(camera)), h("span", null, size(bytes))),
      h("p", null, known(key) ? t(key) : cause),
      h(
        "p",
        { class: "dim small" },
        [
          t("deletions.recorded", { from: moment(startS), to: moment(endS) }),
          t(`stream.${role}`),
          tn("deletions.segments", segments),
        ].join(" · "),
      ),
    );
  }
}

customElements.define("nvr-deletions", NvrDeletions);
