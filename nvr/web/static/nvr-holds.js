/** @import {HoldGroup} from "./holds.js" */
/** @import {Hold, Holds} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { grouped, lengthWords, loadHolds, quotaShare } from "./holds.js";
import { t } from "./i18n.js";
import { playbackAddress } from "./router.js";
import { size } from "./time.js";

const MOST_CAMERAS = 4;
/** The held span takes this share of the timeline. */
const SEEN_SHARE = 0.6;

/** What is held: for which case, of which cameras, from when to when, by whom, until when; and how much room is left. */
export class NvrHolds extends NvrElement {
  #quota = h("section", { class: "card quota", hidden: true });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #list = h("div", { class: "holds" });
  #dialog = h("dialog", { class: "sheet", "aria-labelledby": "end-hold-title" });

  build() {
    const words = this.app.store.may("evidence") ? t("loading") : t("error.forbidden");
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/storage", "aria-label": t("back.storage") }, icon("back")),
        h("h1", null, t("holds.title")),
      ),
      this.#error,
      this.app.store.may("evidence") &&
        h("div", { class: "tools" }, h("a", { class: "button quiet", href: "#/packages" }, icon("list"), t("packages.title"))),
      this.#quota,
      this.#list,
      this.#dialog,
    );
    fill(this.#list, h("p", { class: "empty" }, icon("lock"), words));
    if (this.app.store.may("evidence")) void this.#load();
  }

  async #load() {
    try {
      this.#show(await loadHolds(this.app.api, this.gone));
      this.#error.hidden = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {Holds} answer */
  #show(answer) {
    this.#showQuota(answer);
    const groups = grouped(answer.holds);
    if (groups.length) fill(this.#list, groups.map((group) => this.#card(group)));
    else fill(this.#list, h("p", { class: "empty" }, icon("lock"), t("holds.none")));
  }

  /** @param {Holds} answer */
  #showQuota(answer) {
    const { percent, isWarning } = quotaShare(answer);
    const share = h("div", { class: "share" });
    share.style.width = `${percent}%`;
    this.#quota.hidden = false;
    this.#quota.classList.toggle("in-trouble", isWarning);
    fill(
      this.#quota,
      h("p", { class: "stock-line" }, h("strong", null, t("holds.quota")), h("span", null, `${Math.round(percent)} %`)),
      h("div", { class: "share-bar" }, share),
      h("p", { class: "dim small" }, t("holds.room", { held: size(answer.held_bytes), quota: size(answer.quota_bytes) })),
      isWarning ? h("p", { class: "stock-trouble" }, icon("alert"), t("holds.nearly_full")) : null,
    );
  }

  /** @param {HoldGroup} group */
  #card({ first, holds, bytes }) {
    const { time, store } = this.app;
    const nowS = store.nowS();
    const length = first.end_s - first.start_s;
    const [from, to] = [time.clock(first.start_s), time.clock(first.end_s)];
    const [day, lastDay] = [time.day(first.start_s, nowS), time.day(first.end_s, nowS)];
    const when = day === lastDay ? `${from} – ${to}, ${day}` : `${from} ${day} – ${to} ${lastDay}`;
    const middle = (first.start_s + first.end_s) / 2;
    const cameras = holds.map(({ camera }) => camera);
    const where = { atS: middle, spanS: length / SEEN_SHARE };
    /** @param {string} name @param {string} value */
    const fact = (name, value) => h("div", { class: "fact" }, h("dt", null, name), h("dd", null, value));
    return h(
      "article",
      { class: `hold${first.expired ? " expired" : ""}` },
      h("h2", null, first.case),
      h(
        "p",
        { class: "badges" },
        first.expired
          ? h("span", { class: "badge" }, t("holds.expired", { date: time.date(first.expires_s) }))
          : h("span", { class: "badge held" }, icon("lock"), t("holds.until", { date: time.date(first.expires_s) })),
      ),
      h("p", { class: "hold-cameras" }, cameras.map((id) => store.cameraName(id)).join(", ")),
      h("p", { class: "hold-span" }, when),
      h("p", { class: "dim small" }, [lengthWords(length), bytes === null || first.expired ? null : size(bytes)].filter(Boolean).join(" · ")),
      h(
        "dl",
        { class: "facts" },
        fact(t("hold.person"), first.person),
        fact(t("hold.reason"), first.reason),
        fact(t("holds.made"), t("holds.made_by", { name: first.made_by, time: time.moment(first.made_s, nowS) })),
      ),
      h(
        "div",
        { class: "tools pair" },
        h(
          "a",
          { class: "button quiet", href: playbackAddress(cameras.slice(0, MOST_CAMERAS), where) },
          icon("playback"),
          t("holds.open"),
        ),
        h(
          "button",
          { type: "button", class: "button quiet", onclick: () => this.#ask({ first, holds, bytes }) },
          t(first.expired ? "holds.forget" : "holds.end"),
        ),
      ),
      first.expired
        ? null
        : h(
            "div",
            { class: "tools" },
            h(
              "button",
              { type: "button", class: "button quiet", onclick: () => void this.#askForPackage(holds) },
              icon("download"),
              t("packages.ask"),
            ),
          ),
    );
  }

  /** @param {Hold[]} holds */
  async #askForPackage(holds) {
    try {
      await this.app.api.post("/api/evidence", { holds: holds.map(({ id }) => id) });
    } catch (error) {
      this.#fail(error);
      this.scrollIntoView();
      return;
    }
    location.hash = "#/packages";
  }

  /** @param {HoldGroup} group */
  #ask(group) {
    const close = () => this.#dialog.close();
    const names = group.holds.map(({ camera }) => this.app.store.cameraName(camera)).join(", ");
    fill(
      this.#dialog,
      h("h2", { id: "end-hold-title" }, t("holds.end_question", { case: group.first.case })),
      h("p", null, names),
      group.first.expired ? null : h("p", null, t("holds.end_warning")),
      h("button", { type: "button", class: "button quiet wide", onclick: close }, t("holds.keep")),
      h(
        "button",
        {
          type: "button",
          class: "button danger-outline wide",
          onclick: () => {
            close();
            void this.#end(group);
          },
        },
        t("holds.end_sure"),
      ),
    );
    this.#dialog.showModal();
  }

  /** @param {HoldGroup} group */
  async #end({ holds }) {
    let failed = null;
    for (const { id } of holds) {
      try {
        await this.app.api.request("DELETE", `/api/holds/${encodeURIComponent(id)}`);
      } catch (error) {
        failed = error;
      }
    }
    await this.#load();
    if (failed) this.#fail(failed);
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

customElements.define("nvr-holds", NvrHolds);
