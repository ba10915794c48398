/** @import {Incident} from "./types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t, tn } from "./i18n.js";
import {
  handledBadge,
  incidentPicture,
  incidentTitle,
  responseBadge,
  SITE,
  testBadge,
  zoneWord,
} from "./incident-words.js";
import { NvrDeliveries } from "./nvr-deliveries.js";
import { NvrFootage } from "./nvr-footage.js";
import { NvrHandling } from "./nvr-handling.js";
import { NvrObjects } from "./nvr-objects.js";
import { playbackAddress } from "./router.js";
import { stopwatch } from "./time.js";
import { LEAD_S } from "./timeline-window.js";

/** What is seen of the timeline around an incident. */
const AROUND_S = 600;

/** One incident: its objects, the deciding picture with its box and why it decided, the footage around it, what staff
 * did about it. */
export class NvrIncident extends NvrElement {
  incidentId = 0;
  #title = h("h1", null);
  #picture = h("div", { class: "evidence" });
  #facts = h("div", { class: "incident-facts" });
  #act = h("div", { class: "tools" });
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #deliveries = /** @type {NvrDeliveries | null} */ (null);
  #footage = /** @type {NvrFootage | null} */ (null);
  #objects = /** @type {NvrObjects | null} */ (null);
  #handling = /** @type {NvrHandling | null} */ (null);
  #main = h("section", { class: "incident-main" });
  #beside = h("section", null);
  #pictured = "";

  build() {
    this.#footage = make(NvrFootage, this.app);
    const deliveries = (this.#deliveries = make(NvrDeliveries, this.app));
    const objects = (this.#objects = make(NvrObjects, this.app));
    const handling = (this.#handling = make(NvrHandling, this.app));
    handling.changed = (incident) => this.#show(incident);
    fill(this.#beside, h("h2", null, t("footage.title")), this.#footage);
    fill(this.#main, objects, this.#picture, this.#facts, handling, this.#act, deliveries);
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/incidents", "aria-label": t("back.incidents") }, icon("back")),
        this.#title,
      ),
      this.#error,
      h(
        "div",
        { class: "incident-columns" },
        this.#main,
        this.#beside,
      ),
    );
    this.#beside.append(objects.evidence);
    this.app.store.watch(["incident"], () => this.#changed(this.app.store.state.incident), this.gone);
    // What happened while the connection was lost came by no event.
    const relinked = () => {
      const asked = this.#title.textContent !== "" || !this.#error.hidden;
      if (this.app.store.state.linked && asked) void this.#load();
    };
    this.app.store.watch(["linked"], relinked, this.gone);
    void this.#load();
  }

  /** @param {Incident | null} incident */
  #changed(incident) {
    if (incident?.id !== this.incidentId) return;
    this.#show(incident);
    void this.#load(); // the event does not tell of its objects
  }

  async #load() {
    try {
      this.#show(await this.app.api.get(`/api/incidents/${this.incidentId}`, this.gone));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {Incident} incident */
  #show(incident) {
    this.#error.hidden = true;
    say(this.#title, incidentTitle(incident));
    this.#showPicture(incident);
    if (incident.objects) this.#objects?.show(incident.objects);
    this.#main.classList.toggle("has-best", incident.best !== null);
    const { time, store } = this.app;
    const lasted = incident.last_s - incident.opened_s;
    fill(
      this.#facts,
      h(
        "p",
        { class: "when" },
        time.clock(incident.opened_s),
        " · ",
        time.day(incident.opened_s, store.nowS()),
      ),
      h(
        "p",
        { class: "badges" },
        responseBadge(incident.response),
        testBadge(incident),
        handledBadge(incident, this.app, true),
      ),
      h(
        "p",
        { class: "dim" },
        [
          zoneWord(incident),
          tn("incident.sightings", incident.sightings),
          lasted >= 1 ? t("incident.lasted", { time: stopwatch(lasted) }) : null,
          this.#likeness(incident),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    );
    this.#handling?.show(incident);
    void this.#deliveries?.show(incident.id);
    this.#beside.hidden = incident.camera === SITE;
    if (incident.camera === SITE) return;
    fill(this.#act, this.#playbackLinks(incident));
    this.#footage?.show(incident.camera, incident.footage, incident.opened_s);
  }

  /** What was seen has a score, shape and way have none. @param {Incident} incident */
  #likeness({ score, kind }) {
    if (score > 0) return t("incident.score", { percent: Math.round(score * 100) });
    return kind === "person" ? t("incident.by_way") : null;
  }

  /** Its moment on the timeline, and there its footage ready to be held. @param {Incident} incident */
  #playbackLinks({ camera, opened_s: openedS, footage: { start_s: startS, end_s: endS } }) {
    const atS = openedS - LEAD_S;
    return [
      h(
        "a",
        { class: "button quiet to-timeline", href: playbackAddress([camera], { atS, spanS: AROUND_S }) },
        icon("playback"),
        t("incident.timeline"),
      ),
      this.app.store.may("evidence")
        ? h(
            "a",
            {
              class: "button quiet to-hold",
              href: playbackAddress([camera], { atS, spanS: (endS - startS) * 3, selection: [startS, endS] }),
            },
            icon("lock"),
            t("incident.hold"),
          )
        : null,
    ];
  }

  /** @param {Incident} incident */
  #showPicture(incident) {
    const drawn = JSON.stringify([incident.picture, incident.box]);
    if (drawn === this.#pictured) return;
    this.#pictured = drawn;
    fill(this.#picture, incidentPicture(incident, "evidence-picture"));
    const image = this.#picture.querySelector("img");
    if (!image) return;
    image.alt = incidentTitle(incident);
    image.loading = "eager";
    if (!incident.box) return;
    const [x0, y0, x1, y1] = incident.box;
    const box = h("div", { class: "box" });
    box.style.left = `${x0 * 100}%`;
    box.style.top = `${y0 * 100}%`;
    box.style.width = `${(x1 - x0) * 100}%`;
    box.style.height = `${(y1 - y0) * 100}%`;
    this.#picture.append(box);
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

customElements.define("nvr-incident", NvrIncident);
