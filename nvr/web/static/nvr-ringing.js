/** @import {Alarm, Incident} from "./types.js" */
import { modeWord, stateWord } from "./alarm-words.js";
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t, tn } from "./i18n.js";
import { incidentPicture, incidentTitle, responseBadge, testBadge, zoneWord } from "./incident-words.js";
import { NvrSirenBar } from "./nvr-siren-bar.js";

const DEAF_MS = 700;

/**
 * Rings for incidents that nobody has acknowledged: a sheet over the page with sound, until somebody takes them
 * on. Who has seen it may silence this device alone; a bar remains until it is acknowledged. A further incident
 * rings anew.
 */
export class NvrRinging extends NvrElement {
  #dialog = h("dialog", { class: "ringing", tabindex: -1, "aria-labelledby": "ringing-title" });
  #body = h("div", { class: "ringing-body" });
  #words = h("span", null);
  #bar = h("button", { type: "button", class: "ringing-bar", onclick: () => this.#reopen() });
  #soundHint = h("p", { class: "sound-hint" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #stop = /** @type {NvrSirenBar | null} */ (null);
  /** @type {Set<number>} ids this device rings no more for */
  #seen = new Set();
  /** @type {Map<number, Incident>} */
  #known = new Map();
  /** @type {Set<number>} */
  #asked = new Set();
  #shown = "";

  build() {
    this.#shown = "";
    fill(this.#bar, icon("bell"), this.#words);
    this.#stop = make(NvrSirenBar, this.app);
    fill(this.#dialog, this.#body, this.#error, this.#soundHint, this.#stop);
    fill(this, this.#bar, this.#dialog);
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#hush();
    });
    this.app.bell.onOpen(() => this.#show(), this.gone);
    this.watch(["incident"], () => {
      const { incident } = this.app.store.state;
      if (incident) this.#known.set(incident.id, incident);
      this.#show();
    });
    this.watch(["alarm", "session"], () => this.#show());
  }

  leave() {
    this.app.bell.stop();
  }

  get #ids() {
    return [...(this.app.store.state.alarm?.ringing ?? [])].sort((a, b) => b - a);
  }

  #show() {
    const ids = this.#ids;
    const loud = ids.some((id) => !this.#seen.has(id));
    for (const id of this.#seen) if (!ids.includes(id)) this.#seen.delete(id);
    for (const id of this.#known.keys()) if (!ids.includes(id)) this.#known.delete(id);
    document.title = ids.length
      ? tn("ringing.page_title", ids.length)
      : (this.app.store.state.session?.site.name ?? "");
    say(this.#words, ids.length ? tn("ringing.bar", ids.length) : "");
    this.#bar.hidden = !ids.length || loud;
    if (loud) this.app.bell.start();
    else this.app.bell.stop();
    if (loud && !this.#dialog.open) this.#open();
    if (!loud && this.#dialog.open) this.#dialog.close();
    this.#soundHint.hidden = this.app.bell.open;
    say(this.#soundHint, t("ringing.touch_for_sound"));
    if (loud) this.#fill(ids);
  }

  #open() {
    this.#dialog.showModal();
    this.#dialog.focus();
    // It comes by itself: a tap or key that was meant for the page below must neither acknowledge nor disarm. The siren
    // can be silenced at once.
    const deaf = [this.#body, this.app.store.state.alarm?.state === "pending" ? this.#stop : null];
    for (const part of deaf) if (part) part.inert = true;
    setTimeout(() => deaf.forEach((part) => part && (part.inert = false)), DEAF_MS);
  }

  /** @param {number[]} ids newest first */
  #fill(ids) {
    const newest = /** @type {number} */ (ids[0]);
    const incident = this.#known.get(newest);
    if (!incident) void this.#fetch(newest);
    const { alarm } = this.app.store.state;
    const looks = JSON.stringify([ids, incident, this.app.store.mayAct, alarm && situation(alarm)]);
    if (looks === this.#shown) return;
    this.#shown = looks;
    const { time, store } = this.app;
    const place = incident && [time.clock(incident.opened_s), zoneWord(incident)].filter(Boolean).join(" · ");
    fill(
      this.#body,
      h(
        "p",
        { class: "ringing-head" },
        icon("bell"),
        ids.length > 1 ? tn("ringing.several", ids.length) : t("ringing.one"),
      ),
      alarm ? h("p", { class: "ringing-state" }, situation(alarm)) : null,
      h("h2", { id: "ringing-title" }, incident ? incidentTitle(incident) : t("loading")),
      incident ? h("p", { class: "ringing-place" }, place, " ", responseBadge(incident.response), testBadge(incident)) : null,
      incident ? incidentPicture(incident, "ringing-picture") : null,
      store.mayAct
        ? h(
            "button",
            {
              type: "button",
              class: "button primary huge acknowledge",
              onclick: () => this.#acknowledge(ids),
            },
            icon("check"),
            ids.length > 1 ? tn("ringing.acknowledge_all", ids.length) : t("incident.acknowledge"),
          )
        : null,
      h(
        "div",
        { class: "tools pair" },
        h(
          "a",
          { class: "button quiet", href: `#/incident/${newest}`, onclick: () => this.#hush() },
          icon("eye"),
          t("ringing.look"),
        ),
        h(
          "button",
          { type: "button", class: "button quiet hush", onclick: () => this.#hush() },
          icon("mute"),
          t("ringing.hush"),
        ),
      ),
    );
  }

  /** @param {number} id */
  async #fetch(id) {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      this.#known.set(id, await this.app.api.get(`/api/incidents/${id}`, this.gone));
      this.#show();
    } catch {
      // It rings without a picture; the list has it.
    } finally {
      this.#asked.delete(id);
    }
  }

  #hush() {
    for (const id of this.#ids) this.#seen.add(id);
    this.#show();
  }

  #reopen() {
    this.#seen.clear();
    this.#shown = "";
    this.#show();
  }

  /** @param {number[]} ids */
  async #acknowledge(ids) {
    this.#hush();
    try {
      this.#error.hidden = true;
      for (const id of ids) {
        this.app.store.set("incident", await this.app.api.post(`/api/incidents/${id}/acknowledge`));
      }
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
      this.#reopen();
    }
  }
}

/** What the site is doing, and the mode in which it is armed. @param {Alarm} alarm */
function situation(alarm) {
  return [stateWord(alarm), alarm.mode && t("alarm.mode_now", { mode: modeWord(alarm.mode).toLocaleLowerCase() })]
    .filter(Boolean)
    .join(" · ");
}

customElements.define("nvr-ringing", NvrRinging);
