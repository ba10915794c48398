import { errorText } from "./api.js";
import { cameraChips } from "./camera-chips.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { t } from "./i18n.js";
import { NvrHoldBar } from "./nvr-hold-bar.js";
import { NvrReel } from "./nvr-reel.js";
import { NvrTimelineBar } from "./nvr-timeline-bar.js";
import { playbackAddress } from "./router.js";
import { SoundButton } from "./sound-button.js";
import { timelineControls } from "./timeline-controls.js";
import { incidentBeside } from "./timeline-incidents.js";
import { playbackKeys } from "./timeline-keys.js";
import { clampSpan, holding, nextStart } from "./timeline-window.js";
import { whyNothing } from "./timeline-words.js";

const MOST_CAMERAS = 4;
const SPEEDS = [0.5, 1, 2, 4, 8];
/** What is younger is not on the disk for certain. */
const BEHIND_S = 8;
/** A camera that does not come in this time is not waited for any more. */
const HOLD_MS = 8000;
const TICK_S = 0.1;
/** Stills are asked for this often on the way through what is shown. */
const STILLS = 150;

/** Playback of up to four cameras at one moment, found on a timeline. */
export class NvrTimeline extends NvrElement {
  /** @type {string[]} */
  #chosen = [];
  #start = /** @type {{atS: number | null, spanS: number | null, selection: [number, number] | null}} */ (
    { atS: null, spanS: null, selection: null }
  );
  #speed = 1;
  #playing = false;
  #scrubbing = false;
  #heldSinceMs = /** @type {number | null} */ (null);
  #tickedMs = 0;
  #sharp = false;
  /** @type {NvrReel[]} */
  #reels = [];
  #wall = h("div", { class: "reels" });
  #choice = h("div", { class: "camera-chips" });
  #moment = h("p", { class: "timeline-moment", role: "status" });
  #note = h("p", { class: "dim small", role: "status" });
  #partial = h("p", { class: "dim small", role: "status" });
  #bar = /** @type {NvrTimelineBar} */ (/** @type {unknown} */ (null));
  /** What is chosen to be held. */
  hold = /** @type {NvrHoldBar} */ (/** @type {unknown} */ (null));
  #holdButton = h("button", { type: "button", class: "icon-button", onclick: () => this.hold.toggle() }, icon("lock"));
  #play = h("button", { type: "button", class: "button primary play", onclick: () => this.toggle() });
  #jump = h("input", { type: "datetime-local", step: 1, onchange: () => this.#jumpTo() });
  #speeds = h("select", { class: "camera-choice", onchange: () => this.setSpeed(Number(this.#speeds.value)) });
  #sound = new SoundButton();
  #quality = h("button", { type: "button", class: "icon-button", onclick: () => this.#toggleQuality() });

  /**
   * What to begin with; nothing: the first camera, a minute ago. `selection`: ready to be held.
   *
   * @param {string[]} cameras
   * @param {{atS: number | null, spanS: number | null, selection: [number, number] | null}} start
   */
  choose(cameras, start) {
    this.#chosen = cameras.slice(0, MOST_CAMERAS);
    this.#start = start;
  }

  build() {
    this.#bar = make(NvrTimelineBar, this.app);
    const { atS, spanS, selection } = this.#start;
    const middleS = selection ? (selection[0] + selection[1]) / 2 : this.app.store.nowS() - 60;
    this.#bar.centerS = Math.min(atS ?? middleS, this.#latestS);
    if (spanS !== null) this.#bar.spanS = clampSpan(spanS);
    this.#bar.selection = this.app.store.may("evidence") ? selection : null;
    this.#bar.onChoose = (chosenS, done) => this.#scrub(chosenS, done);
    this.#bar.onIncident = (id) => this.#openIncident(id);
    this.hold = make(NvrHoldBar, this.app);
    this.hold.bar = this.#bar;
    this.hold.onChange = () => this.#showHolding();
    this.#holdButton.setAttribute("aria-label", t("hold.title"));
    this.#jump.setAttribute("aria-label", t("timeline.jump"));
    this.#speeds.setAttribute("aria-label", t("timeline.speed"));
    fill(this.#speeds, SPEEDS.map((speed) => h("option", { value: speed }, t("timeline.times", { speed }))));
    this.#speeds.value = String(this.#speed);
    this.#quality.setAttribute("aria-label", t("quality.main"));
    fill(this.#quality, icon("eye"));
    this.#jump.addEventListener("click", () => this.#jump.showPicker?.(), { signal: this.gone });
    const own = { play: this.#play, speeds: this.#speeds, quality: this.#quality, sound: this.#sound.element };
    const hold = this.app.store.may("evidence") && this.#holdButton;
    const controls = timelineControls(this, { ...own, jump: this.#jump, hold });
    fill(
      this,
      h("h1", { class: "sr-only" }, t("nav.playback")),
      this.#choice,
      this.#wall,
      h("div", { class: "timeline-panel" }, this.#moment, this.#bar, this.hold, controls, this.#partial, this.#note),
    );
    this.#showHolding();
    let known = "";
    this.watch(["cameras"], () => {
      const ids = JSON.stringify(this.app.store.state.cameras?.map(({ id, name }) => [id, name]) ?? null);
      if (ids !== known && ids !== "null") this.#show();
      known = ids;
    });
    playbackKeys(this, this.gone);
    this.#tickedMs = performance.now();
    this.every(TICK_S, () => this.#tick());
  }

  /** Play or pause. */
  toggle() {
    this.#playing = !this.#playing;
    this.#showPlaying();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.#speed = speed;
    this.#speeds.value = String(speed);
  }

  /** The next faster or slower. @param {1 | -1} direction */
  shiftSpeed(direction) {
    this.setSpeed(SPEEDS[SPEEDS.indexOf(this.#speed) + direction] ?? this.#speed);
  }

  /** @param {number} atS */
  goTo(atS) {
    this.#bar.centerS = Math.max(0, Math.min(atS, this.#latestS));
    this.#heldSinceMs = null;
    say(this.#note, "");
    this.hold.hush();
    this.#bar.draw();
  }

  /** @param {number} seconds */
  goBy(seconds) {
    this.goTo(this.#bar.centerS + seconds);
  }

  /** One picture on or back. @param {1 | -1} direction */
  step(direction) {
    this.#playing = false;
    this.#showPlaying();
    this.goBy(direction * (this.#reels[0]?.frameS ?? 0.04));
  }

  /** @param {number} factor */
  zoom(factor) {
    this.#bar.zoom(factor);
  }

  /** To the next or previous incident of these cameras. @param {1 | -1} direction */
  async toIncident(direction) {
    const known = this.#chosen.map((id) => this.#bar.known(id)).filter((camera) => camera !== null);
    const { api } = this.app;
    try {
      const atS = await incidentBeside(api, this.#chosen, known, this.#bar.centerS, direction, this.gone);
      if (atS === null) say(this.#note, t("timeline.no_incident"));
      else this.goTo(atS);
    } catch (error) {
      if (!this.gone.aborted) say(this.#note, errorText(error));
    }
  }

  /** Back leads to the very moment again. @param {number} id */
  #openIncident(id) {
    const here = { atS: this.#bar.centerS, spanS: this.#bar.spanS };
    history.replaceState(null, "", playbackAddress(this.#chosen, here));
    location.hash = `#/incident/${id}`;
  }

  #showHolding() {
    this.classList.toggle("choosing", this.hold.choosing);
    this.#holdButton.setAttribute("aria-pressed", String(this.hold.choosing));
  }

  get #latestS() {
    return this.app.store.nowS() - BEHIND_S;
  }

  /** Choice, reels and rows anew. */
  #show() {
    const cameras = this.app.store.state.cameras ?? [];
    const ids = cameras.map(({ id }) => id);
    this.#chosen = this.#chosen.filter((id) => ids.includes(id));
    if (!this.#chosen.length) this.#chosen = ids.slice(0, 1);
    fill(this.#choice, cameraChips(cameras, this.#chosen, MOST_CAMERAS, (id) => this.#toggle(id)));
    this.#bar.cameras = this.hold.cameras = this.#chosen;
    this.#quality.hidden = this.#chosen.length !== 1;
    this.#sharp = this.#sharp && this.#chosen.length === 1;
    this.#quality.setAttribute("aria-pressed", String(this.#sharp));
    const kept = new Map(this.#reels.map((reel) => [`${reel.cameraId}/${reel.role}`, reel]));
    this.#reels = this.#chosen.map((id) => {
      const hasSub = cameras.find((camera) => camera.id === id)?.streams.sub;
      const role = this.#sharp || !hasSub ? "main" : "sub";
      return kept.get(`${id}/${role}`) ?? this.#reel(id, role);
    });
    for (const reel of kept.values()) if (!this.#reels.includes(reel)) reel.remove();
    for (const reel of this.#reels) if (!reel.isConnected) this.#wall.append(reel);
    this.#wall.dataset.count = String(this.#reels.length);
    this.#showPlaying();
    this.#bar.draw();
  }

  /** @param {string} id @param {import("./types.js").StreamRole} role */
  #reel(id, role) {
    const reel = make(NvrReel, this.app);
    reel.cameraId = id;
    reel.role = role;
    reel.why = (atS) => whyNothing(this.app, id, this.#bar.known(id), atS);
    return reel;
  }

  /** @param {string} id */
  #toggle(id) {
    const others = this.#chosen.filter((other) => other !== id);
    if (others.length === this.#chosen.length) this.#chosen = [...this.#chosen, id];
    else if (others.length) this.#chosen = others;
    history.replaceState(null, "", playbackAddress(this.#chosen));
    this.#show();
  }

  #toggleQuality() {
    this.#sharp = !this.#sharp;
    this.#show();
  }

  #showPlaying() {
    fill(this.#play, icon(this.#playing ? "pause" : "play"));
    this.#play.setAttribute("aria-label", t(this.#playing ? "timeline.pause" : "timeline.play"));
  }

  #jumpTo() {
    const atS = this.app.time.fromInput(this.#jump.value);
    if (!Number.isNaN(atS)) this.goTo(atS);
  }

  /** @param {number} atS @param {boolean} done */
  #scrub(atS, done) {
    this.#scrubbing = !done;
    if (done) {
      for (const reel of this.#reels) reel.preview(null);
      return this.goTo(atS);
    }
    const step = Math.max(1, this.#bar.spanS / STILLS);
    for (const reel of this.#reels) {
      const known = this.#bar.known(reel.cameraId);
      if (known && holding(known.spans, atS)) reel.preview(Math.round(atS / step) * step);
      else reel.previewNothing(atS);
    }
    this.#tellMoment();
  }

  #tick() {
    const nowMs = performance.now();
    const passedS = Math.min((nowMs - this.#tickedMs) / 1000, 1);
    this.#tickedMs = nowMs;
    if (this.#scrubbing || !this.#reels.length) return;
    const held = this.#heldSinceMs !== null && nowMs - this.#heldSinceMs < HOLD_MS;
    const going = this.#playing && !held;
    if (going) this.#bar.centerS = Math.min(this.#bar.centerS + passedS * this.#speed, this.#latestS);
    const how = { speed: this.#speed, going, exact: !this.#playing };
    const states = this.#reels.map((reel) => reel.follow(this.#bar.centerS, how));
    this.#sound.follow(this.#reels);
    if (!states.includes("waiting")) this.#heldSinceMs = null;
    else this.#heldSinceMs ??= nowMs;
    if (going && states.every((state) => state === "none")) this.#skip();
    this.#tellMoment();
    if (going) this.#bar.draw();
  }

  /** Nothing was recorded by any of them: go on where the next footage begins. */
  #skip() {
    const loaded = this.#bar.loaded;
    if (!loaded || this.#reels.some((reel) => reel.error)) return;
    const starts = this.#chosen
      .map((id) => nextStart(this.#bar.known(id)?.spans ?? [], this.#bar.centerS))
      .filter((start) => start !== null);
    this.goTo(starts.length ? Math.min(...starts) + 0.05 : Math.max(loaded.endS, this.#bar.centerS));
  }

  #tellMoment() {
    const atS = this.#bar.centerS;
    const day = this.app.time.day(atS, this.app.store.nowS());
    say(this.#partial, this.#bar.partial ? t("timeline.partial") : "");
    say(this.#moment, t("time.moment", { time: this.app.time.clock(atS), day }));
    if (document.activeElement !== this.#jump) this.#jump.value = this.app.time.input(Math.floor(atS));
  }
}

customElements.define("nvr-timeline", NvrTimeline);
