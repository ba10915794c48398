import { stateWord } from "./alarm-words.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrAlarm } from "./nvr-alarm.js";
import { NvrCamera } from "./nvr-camera.js";
import { NvrCameras } from "./nvr-cameras.js";
import { NvrIncident } from "./nvr-incident.js";
import { NvrIncidents } from "./nvr-incidents.js";
import { NvrMenu } from "./nvr-menu.js";
import { NvrQuietBar } from "./nvr-quiet-bar.js";
import { NvrRinging } from "./nvr-ringing.js";
import { NvrSirenBar } from "./nvr-siren-bar.js";
import { NvrStatus } from "./nvr-status.js";
import { searchOf } from "./incident-search.js";
import { parseRoute } from "./router.js";

/**
 * @type {{page: "live" | "playback" | "incidents" | "alarm", icon: "live" | "playback" | "list" | "shield",
 *   needs: import("./types.js").Ability}[]}
 */
const TABS = [
  { page: "live", icon: "live", needs: "live" },
  { page: "playback", icon: "playback", needs: "playback" },
  { page: "incidents", icon: "list", needs: "site" },
  { page: "alarm", icon: "shield", needs: "site" },
];

/** Frame around every page of somebody logged in: heading, state, pages, and what must never be out of sight. */
export class NvrShell extends NvrElement {
  #main = h("main", { id: "main", tabindex: "-1" });
  #guard = h("a", { class: "guard-chip", href: "#/alarm" });
  #lost = h("p", { class: "link-lost", role: "alert", hidden: true });
  #tabs = h("nav", { class: "tabs" });
  #shown = "";

  build() {
    const menu = make(NvrMenu, this.app);
    const { session } = this.app.store.state;
    fill(
      this,
      h(
        "header",
        { class: "top" },
        h("span", { class: "brand" }, session?.site.name ?? ""),
        this.#guard,
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": t("menu"), onclick: () => menu.open() },
          icon("menu"),
        ),
      ),
      h(
        "section",
        { class: "notices", "aria-label": t("status.title") },
        this.#lost,
        make(NvrQuietBar, this.app),
        make(NvrRinging, this.app),
        make(NvrStatus, this.app),
      ),
      this.#main,
      h("div", { class: "bottom" }, make(NvrSirenBar, this.app), this.#tabs),
      menu,
    );
    this.#tabs.setAttribute("aria-label", t("nav.title"));
    fill(
      this.#tabs,
      TABS.filter(({ needs }) => this.app.store.may(needs)).map((tab) =>
        h(
          "a",
          { href: `#/${tab.page}`, "data-page": tab.page },
          icon(tab.icon),
          h("span", null, t(`nav.${tab.page}`)),
        ),
      ),
    );
    this.watch(["linked"], () => {
      this.#lost.hidden = this.app.store.state.linked !== false;
      say(this.#lost, this.#lost.hidden ? "" : t("link.lost"));
      this.classList.toggle("unlinked", !this.#lost.hidden);
    });
    this.watch(["alarm"], () => this.#showGuard());
    window.addEventListener("hashchange", () => this.#route(true), { signal: this.gone });
    this.#route(false);
  }

  #showGuard() {
    const { alarm } = this.app.store.state;
    const words = alarm ? stateWord(alarm) : "";
    this.#guard.dataset.armed = String(alarm?.armed);
    this.#guard.dataset.state = alarm?.would_sound ? "rehearsed" : (alarm?.state ?? "");
    if (this.#guard.textContent === words) return;
    fill(this.#guard, alarm && icon(alarm.armed ? "shield" : "shieldOff"), words);
  }

  /** @param {boolean} moved by the user, not at the start */
  #route(moved) {
    const asked = parseRoute(location.hash);
    /** @type {import("./router.js").Route} who may not watch live begins with what happened */
    const route = asked.page === "live" && !this.app.store.may("live") ? { page: "incidents", search: searchOf("") } : asked;
    const looks = JSON.stringify(route);
    if (looks === this.#shown && moved) return;
    this.#shown = looks;
    fill(this.#main, this.#page(route));
    const tab = route.page === "incident" ? "incidents" : route.page;
    for (const link of this.#tabs.querySelectorAll("a")) {
      if (link.dataset.page === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (!moved) return;
    this.#main.scrollTo(0, 0);
    this.#main.focus({ preventScroll: true });
  }

  /** A page that is fetched only when it is asked for. @param {() => Promise<HTMLElement>} load */
  #seldom(load) {
    const place = h("p", { class: "empty" }, t("loading"));
    load().then(
      (page) => place.replaceWith(page),
      () => say(place, t("error.offline")),
    );
    return place;
  }

  /** @param {import("./router.js").Route} route */
  #page(route) {
    switch (route.page) {
      case "alarm":
        return make(NvrAlarm, this.app);
      case "schedule":
        return this.#seldom(async () => make((await import("./nvr-schedule.js")).NvrSchedule, this.app));
      case "storage":
        return this.#seldom(async () => make((await import("./nvr-storage.js")).NvrStorage, this.app));
      case "holds":
        return this.#seldom(async () => make((await import("./nvr-holds.js")).NvrHolds, this.app));
      case "packages":
        return this.#seldom(async () => make((await import("./nvr-packages.js")).NvrPackages, this.app));
      case "deletions":
        return this.#seldom(async () => make((await import("./nvr-deletions.js")).NvrDeletions, this.app));
      case "audit":
        return this.#seldom(async () => make((await import("./nvr-audit.js")).NvrAudit, this.app));
      case "notify":
        return this.#seldom(async () => make((await import("./nvr-notify.js")).NvrNotify, this.app));
      case "platforms":
        return this.#seldom(async () => make((await import("./nvr-platforms.js")).NvrPlatforms, this.app));
      case "tunnel":
        return this.#seldom(async () => make((await import("./nvr-tunnel.js")).NvrTunnel, this.app));
      case "accounts":
        return this.#seldom(async () => make((await import("./nvr-accounts.js")).NvrAccounts, this.app));
      case "own":
        return this.#seldom(async () => make((await import("./nvr-own.js")).NvrOwn, this.app));
      case "incidents": {
        const list = make(NvrIncidents, this.app);
        list.search = route.search;
        list.narrowed = () => (this.#shown = JSON.stringify(parseRoute(location.hash)));
        return list;
      }
      case "incident": {
        const detail = make(NvrIncident, this.app);
        detail.incidentId = route.id;
        return detail;
      }
      case "playback":
        return this.#seldom(async () => {
          const playback = make((await import("./nvr-timeline.js")).NvrTimeline, this.app);
          playback.choose(route.cameras, route);
          return playback;
        });
      case "live": {
        if (route.camera === null) return make(NvrCameras, this.app);
        const large = make(NvrCamera, this.app);
        large.cameraId = route.camera;
        return large;
      }
    }
  }
}

customElements.define("nvr-shell", NvrShell);
