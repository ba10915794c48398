/** @import {Camera, Stream, StreamRole} from "./types.js" */
import { noPictureWords, sharperStream } from "./camera-words.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { sentence, t } from "./i18n.js";
import { NvrPlayer } from "./nvr-player.js";
import { stopwatch } from "./time.js";

/** One camera, large. */
export class NvrCamera extends NvrElement {
  cameraId = "";
  /** The main stream on a wide screen, where the sub stream would be a blur; a phone asks for it. */
  #sharp = window.matchMedia("(min-width: 900px)").matches;
  #player = /** @type {NvrPlayer | null} */ (null);
  #name = h("h1", null);
  #facts = h("dl", { class: "facts" });
  #quality = h("button", { type: "button", class: "button quiet", onclick: () => this.#toggleQuality() });

  build() {
    this.#player = make(NvrPlayer, this.app, "large");
    this.#quality.hidden = true;
    const full = h(
      "button",
      { type: "button", class: "button quiet", onclick: () => this.#fullscreen() },
      icon("expand"),
      t("camera.fullscreen"),
    );
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/live", "aria-label": t("back.live") }, icon("back")),
        this.#name,
      ),
      this.#player,
      h(
        "div",
        { class: "tools" },
        this.#quality,
        document.fullscreenEnabled && full,
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
    if (!camera) return this.#player?.set(null, t("error.not_found"));
    const sharper = sharperStream(camera);
    const role = (this.#sharp && sharper) || camera.live;
    this.#player?.set(role && { camera: camera.id, role }, noPictureWords(camera, this.app.store));
    this.#quality.hidden = !sharper;
    this.#quality.setAttribute("aria-pressed", String(role === "main"));
    fill(this.#quality, icon("eye"), t("camera.sharp"));
    fill(
      this.#facts,
      this.#streamFact("main", camera.streams.main),
      this.#streamFact("sub", camera.streams.sub),
      this.#placeFacts(camera),
    );
  }

  #toggleQuality() {
    this.#sharp = !this.#sharp;
    this.#show();
  }

  #fullscreen() {
    void (document.fullscreenElement ? document.exitFullscreen() : this.#player?.requestFullscreen());
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
