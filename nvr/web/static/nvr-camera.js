/** @import {Camera, Stream, StreamRole} from "./types.js" */
/** @import {Quality} from "./live-quality.js" */
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { sentence, t } from "./i18n.js";
import { watchable } from "./live-quality.js";
import { NvrStage } from "./nvr-stage.js";
import { stopwatch } from "./time.js";

/** @type {Quality[]} */
const QUALITIES = ["auto", "main", "sub"];

/** One camera, large. */
export class NvrCamera extends NvrElement {
  cameraId = "";
  #stage = /** @type {NvrStage | null} */ (null);
  #name = h("h1", null);
  #facts = h("dl", { class: "facts" });
  #quality = h("select", { class: "camera-choice", onchange: () => this.#choose() });

  build() {
    this.#stage = make(NvrStage, this.app);
    this.#quality.setAttribute("aria-label", t("quality.title"));
    fill(
      this.#quality,
      QUALITIES.map((quality) => h("option", { value: quality }, t(`quality.${quality}`))),
    );
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        this.#name,
      ),
      this.#stage,
      h(
        "div",
        { class: "tools" },
        this.#quality,
        h(
          "a",
          { class: "button quiet", href: `#/playback?cameras=${encodeURIComponent(this.cameraId)}` },
          icon("playback"),
          t("nav.playback"),
        ),
        h(
          "a",
          { class: "button quiet", href: `#/incidents?camera=${encodeURIComponent(this.cameraId)}` },
          icon("list"),
          t("camera.incidents"),
        ),
      ),
      this.#facts,
    );
    this.watch(["cameras"], () => this.#show());
  }

  #show() {
    const { cameras } = this.app.store.state;
    if (cameras === null) return;
    const camera = cameras.find(({ id }) => id === this.cameraId);
    say(this.#name, camera?.name ?? "");
    this.#stage?.set(camera ?? null);
    if (!camera) return fill(this.#facts);
    this.#quality.hidden = watchable(camera).length < 2;
    fill(
      this.#facts,
      this.#streamFact("main", camera.streams.main),
      this.#streamFact("sub", camera.streams.sub),
      this.#placeFacts(camera),
    );
  }

  #choose() {
    if (this.#stage) this.#stage.quality = /** @type {Quality} */ (this.#quality.value);
  }

  /** @param {StreamRole} role @param {Stream | null} stream */
  #streamFact(role, stream) {
    if (!stream) return null;
    const size = stream.width ? ` · ${stream.width} × ${stream.height} · ${stream.codec}` : "";
    return h(
      "div",
      { class: `fact state-${stream.state}` },
      h("dt", null, sentence(t(`stream.${role}`))),
      h("dd", null, t(`stream.state.${stream.state}`), size),
    );
  }

  /** @param {Camera} camera */
  #placeFacts({ zones, lines }) {
    return [
      ...zones.map((zone) => placeFact(zoneTitle(zone), zone)),
      ...lines.map((line) => placeFact(t("line.named", { line: line.name }), line)),
    ];
  }
}

/** @param {Camera["zones"][number]} zone */
function zoneTitle({ name, seconds }) {
  const words = name === "*" ? t("zone.whole") : t("zone.named", { zone: name });
  return seconds === null ? words : `${words}, ${t("zone.seconds", { time: stopwatch(seconds) })}`;
}

/** @param {string} title @param {import("./types.js").Place} place */
function placeFact(title, { objects, hours, response }) {
  const who = objects.map((kind) => t(`kind.${kind}`)).join(", ");
  const when = hours.length ? ` · ${hours.join(", ").replaceAll("-", "–")}` : "";
  return h(
    "div",
    { class: "fact" },
    h("dt", null, title),
    h("dd", null, `${who} → ${t(`response.${response}`)}${when}`),
  );
}

customElements.define("nvr-camera", NvrCamera);
