/** @import {Disk, Status} from "./types.js" */
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { troubles } from "./faults.js";
import { t, tn } from "./i18n.js";
import { NvrClock } from "./nvr-clock.js";
import { keptWords } from "./storage-words.js";
import { size, span } from "./time.js";

/** One line that is always there: what is wrong, in words, and how many days are kept. A tap tells more. */
export class NvrStatus extends NvrElement {
  #dot = h("span", { class: "status-dot" });
  #words = h("span", { class: "status-words" });
  #days = h("span", { class: "status-days" });
  #line = h(
    "button",
    { type: "button", class: "status-line", "aria-expanded": "false", onclick: () => this.#toggle() },
    this.#dot,
    this.#words,
    this.#days,
  );
  #faults = h("div");
  #facts = h("div");
  #panel = h("div", { class: "status-panel", hidden: true });
  #shown = "";

  build() {
    this.#shown = "";
    fill(this, this.#line, this.#panel);
    fill(this.#panel, this.#faults, make(NvrClock, this.app), this.#facts);
    this.watch(["status", "cameras"], () => this.#show());
    this.every(30, () => this.#show());
  }

  #toggle() {
    this.#panel.hidden = !this.#panel.hidden;
    this.#line.setAttribute("aria-expanded", String(!this.#panel.hidden));
  }

  #show() {
    const { status } = this.app.store.state;
    if (status === null) return say(this.#words, t("loading"));
    const wrong = troubles(status.faults, this.app.store);
    this.classList.toggle("faulty", wrong.length > 0);
    const first = wrong[0];
    say(
      this.#words,
      !first
        ? t("status.well")
        : wrong.length === 1
          ? atPlace(first)
          : `${tn("status.faults", wrong.length)}: ${atPlace(first)}`,
    );
    const { days_kept: kept, days_possible: possible } = status.storage;
    say(this.#days, kept === null ? "" : keptWords(kept, possible));
    const looks = JSON.stringify([
      wrong,
      status.storage,
      status.analysis,
      Math.floor(this.app.store.nowS() / 60),
    ]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    fill(
      this.#faults,
      wrong.length
        ? h(
            "ul",
            { class: "faults" },
            wrong.map((trouble) => this.#fault(trouble)),
          )
        : null,
    );
    fill(
      this.#facts,
      h("dl", { class: "facts" }, this.#storageFacts(status), this.#analysisFact(status)),
      h(
        "a",
        { class: "button quiet wide storage-link", href: "#/storage", onclick: () => this.#toggle() },
        icon("disk"),
        t("storage.title"),
      ),
    );
  }

  /** @param {import("./faults.js").Trouble} trouble */
  #fault(trouble) {
    const { what, remedy, detail, sinceS, pictures } = trouble;
    const nowS = this.app.store.nowS();
    return h(
      "li",
      null,
      h("p", { class: "fault-what" }, icon("alert"), atPlace(trouble)),
      remedy ? h("p", { class: "fault-remedy" }, remedy) : null,
      pictures
        ? h("div", { class: "before-after" }, [
            pictures.before ? pictured(pictures.before, t("status.before")) : null,
            pictured(pictures.now, t("status.since_then")),
          ])
        : null,
      sinceS === null
        ? null
        : h(
            "p",
            { class: "dim" },
            t("status.since", { time: this.app.time.moment(sinceS, nowS), span: span(nowS - sinceS) }),
          ),
      detail && detail !== what
        ? h(
            "details",
            null,
            h("summary", null, t("status.detail")),
            h("p", { class: "technical", lang: "en" }, detail),
          )
        : null,
    );
  }

  /** @param {Status} status */
  #storageFacts(status) {
    const { oldest_s: oldestS, days_kept: kept, days_possible: possible } = status.storage;
    return [
      fact(
        t("storage.kept"),
        oldestS === null || kept === null
          ? t("storage.nothing")
          : t("storage.since", { span: keptWords(kept, possible), date: this.app.time.date(oldestS) }),
      ),
      ...status.storage.disks.map((disk, _, all) => this.#diskFact(disk, all.length === 1)),
    ];
  }

  /** @param {Disk} disk @param {boolean} isOnly */
  #diskFact(disk, isOnly) {
    const name = isOnly ? t("storage.disk") : t("storage.disk_n", { path: disk.path });
    const room = { used: size(disk.used_bytes), free: size(disk.free_bytes) };
    return fact(name, t(`storage.state.${disk.state}`, room));
  }

  /** @param {Status} status */
  #analysisFact({ analysis, uptime_s: uptime, now_s: toldS }) {
    const modes = Object.values(analysis.cameras).map(({ mode }) => mode);
    const watched = modes.filter((mode) => mode !== "quarantined").length;
    const acting = modes.filter((mode) => mode === "acting").length;
    const running = [tn("analysis.running", watched), ...(acting ? [tn("analysis.acting", acting)] : [])];
    return [
      fact(t("analysis.title"), analysis.running ? running.join("; ") : t("analysis.stopped")),
      fact(t("status.uptime"), span(uptime + this.app.store.nowS() - toldS)),
    ];
  }
}

/** @param {import("./faults.js").Trouble} trouble */
function atPlace({ where, what }) {
  return where === null ? what : `${where}: ${what.charAt(0).toLocaleLowerCase()}${what.slice(1)}`;
}

/** @param {string} address @param {string} words */
function pictured(address, words) {
  return h(
    "figure",
    null,
    h("img", { src: address, alt: words, loading: "lazy", decoding: "async" }),
    h("figcaption", null, words),
  );
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  return h("div", { class: "fact" }, h("dt", null, name), h("dd", null, value));
}

customElements.define("nvr-status", NvrStatus);
