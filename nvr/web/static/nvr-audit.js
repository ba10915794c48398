/** @import {AuditRow, Chain} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { NvrElement } from "./element.js";
import { known, sentence, t } from "./i18n.js";

const PAGE = 50;
const ACTIONS = [
  ["login", "login-refused", "logout", "claim"],
  ["arm", "disarm", "acknowledge", "resolve", "reopen", "siren-on", "siren-off", "siren-auto", "siren-ended"],
  ["siren-test", "quiet-test", "all-clear", "impaired", "restarted"],
  ["live", "playback", "picture", "download", "hold-add", "hold-remove"],
  ["account-add", "account-remove", "account-password", "account-rights", "account-on", "account-off", "session-end", "clock-confirm", "notify-test"],
  ["schedule-change", "schedule-reset"],
].flat();

/** Who did what, newest first, and whether that record is whole. For administrators. */
export class NvrAudit extends NvrElement {
  #chain = h("div", { class: "chain" });
  #list = h("div", { class: "deletions" });
  #more = h(
    "button",
    { type: "button", class: "button quiet wide", hidden: true, onclick: () => void this.#load(this.#next) },
    t("audit.more"),
  );
  #action = h("select", { class: "camera-choice", onchange: () => void this.#load(null) });
  #who = h("input", { class: "camera-choice", type: "search", onchange: () => void this.#load(null) });
  #next = /** @type {number | null} */ (null);
  #day = "";
  #generation = 0;

  build() {
    this.#action.setAttribute("aria-label", t("audit.action"));
    this.#who.setAttribute("aria-label", t("audit.who"));
    this.#who.placeholder = t("audit.who");
    fill(
      this.#action,
      h("option", { value: "" }, t("audit.all")),
      ACTIONS.map((action) => h("option", { value: action }, actionWord(action))),
    );
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/alarm", "aria-label": t("back.alarm") }, icon("back")),
        h("h1", null, t("audit.title")),
      ),
      this.#chain,
      h("div", { class: "choices" }, this.#action, this.#who),
      this.#list,
      this.#more,
    );
    void this.#load(null);
  }

  /** @param {number | null} before the rows that follow those shown; null: anew */
  async #load(before) {
    const generation = ++this.#generation;
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (before !== null) query.set("before", String(before));
    if (this.#action.value) query.set("action", this.#action.value);
    if (this.#who.value.trim()) query.set("who", this.#who.value.trim());
    if (before === null) fill(this.#list, h("p", { class: "empty" }, t("loading")));
    try {
      const { rows, next, chain } = await this.app.api.get(`/api/audit?${query}`, this.gone);
      if (generation !== this.#generation) return;
      this.#showChain(chain);
      this.#show(rows, before === null);
      this.#next = next;
      this.#more.hidden = next === null;
    } catch (error) {
      if (this.gone.aborted || generation !== this.#generation) return;
      fill(this.#list, h("p", { class: "error", role: "alert" }, errorText(error)));
    }
  }

  async #check() {
    const button = this.#chain.querySelector("button");
    if (button) button.disabled = true;
    try {
      this.#showChain(await this.app.api.post("/api/audit/check"));
    } catch (error) {
      if (!this.gone.aborted) fill(this.#chain, h("p", { class: "error", role: "alert" }, errorText(error)));
    }
  }

  /** @param {Chain} chain */
  #showChain({ head, state, checked_s: checkedS, broken_row: broken, missing_head: missing }) {
    const { time, store } = this.app;
    const isWrong = state === "broken" || state === "cut";
    const row = broken ?? Number(missing?.split(":")[0] ?? 0);
    this.#chain.dataset.state = state ?? "unknown";
    fill(
      this.#chain,
      h(
        "p",
        { class: isWrong ? "error" : null, role: isWrong ? "alert" : null },
        icon(isWrong ? "alert" : "check"),
        t(`audit.chain.${state ?? "unknown"}`, { row }),
        checkedS === null ? "" : ` ${t("audit.checked", { time: time.moment(checkedS, store.nowS()) })}`,
      ),
      head === null ? null : h("p", { class: "dim small" }, t("audit.head", { head: grouped(head) })),
      h("button", { type: "button", class: "button quiet", onclick: () => void this.#check() }, t("audit.check")),
    );
  }

  /** @param {AuditRow[]} rows newest first @param {boolean} anew */
  #show(rows, anew) {
    if (anew) {
      this.#day = "";
      fill(this.#list, rows.length ? null : h("p", { class: "empty" }, t("audit.none")));
    }
    for (const row of rows) {
      const day = sentence(this.app.time.day(row.wall_s, this.app.store.nowS()));
      if (day !== this.#day) this.#list.append(h("h2", { class: "day" }, day));
      this.#day = day;
      this.#list.append(this.#row(row));
    }
  }

  /** @param {AuditRow} row */
  #row({ id, wall_s: wallS, actor, address, action, subject, detail }) {
    const about = [subject, address, ...Object.entries(detail).map(([name, value]) => `${name}: ${this.#value(name, value)}`)];
    return h(
      "div",
      { class: "deletion", "data-action": action },
      h(
        "p",
        { class: "stock-line" },
        h("strong", null, actorWord(actor)),
        h("span", null, this.app.time.clock(wallS)),
      ),
      h("p", null, actionWord(action)),
      h("p", { class: "dim small" }, [...about.filter(Boolean), t("audit.row", { row: id })].join(" · ")),
    );
  }

  /** @param {string} name @param {string | number | boolean | null} value */
  #value(name, value) {
    const isMoment = name.endsWith("_s") && typeof value === "number" && value > 1e9;
    return isMoment ? this.app.time.moment(value, this.app.store.nowS()) : String(value);
  }
}

/** @param {string} action */
function actionWord(action) {
  const key = `audit.did.${action}`;
  return known(key) ? t(key) : action;
}

/** @param {string} actor */
function actorWord(actor) {
  if (actor === "") return t("audit.stranger");
  return actor === "schedule" ? t("audit.schedule") : actor;
}

/** As somebody copies it onto paper. @param {string} head */
function grouped(head) {
  const [row = "", digits = ""] = head.split(":");
  return `${row}:${(digits.slice(0, 16).match(/.{4}/g) ?? []).join(" ")}`;
}

customElements.define("nvr-audit", NvrAudit);
