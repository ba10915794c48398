/** @import {NvrTimelineBar} from "./nvr-timeline-bar.js" */
/** @import {Selection} from "./timeline-window.js" */
import { fill, h, icon, say } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { lengthWords, loadHolds } from "./holds.js";
import { t } from "./i18n.js";
import { NvrHoldForm } from "./nvr-hold-form.js";
import { withEnd } from "./timeline-window.js";

/** At first this share of what is seen is chosen, around the moment that is shown. */
const FIRST_SHARE = 0.25;

/** Choosing a span on the timeline to hold it: from here, to here. Shows on the timeline what is held. */
export class NvrHoldBar extends NvrElement {
  bar = /** @type {NvrTimelineBar} */ (/** @type {unknown} */ (null));
  /** Ids of the cameras to hold. @type {string[]} */
  cameras = [];
  /** Choosing began or ended. */
  onChange = () => {};
  #words = h("p", { class: "hold-words", role: "status" });
  #row = h("div", { class: "hold-row", hidden: true });
  #made = h("p", { class: "small hold-made", role: "status" });
  #form = /** @type {NvrHoldForm | null} */ (null);

  build() {
    this.#form = make(NvrHoldForm, this.app);
    this.#form.onDone = () => this.#done();
    this.bar.onSelect = () => this.#tell();
    /** @param {string} words @param {() => void} act @param {string} className */
    const button = (words, act, className) =>
      h("button", { type: "button", class: `button ${className}`, onclick: act }, words);
    fill(
      this.#row,
      this.#words,
      h(
        "div",
        { class: "hold-buttons" },
        button(t("hold.from_here"), () => this.setHere(0), "quiet"),
        button(t("hold.to_here"), () => this.setHere(1), "quiet"),
        button(t("hold.go_on"), () => this.ask(), "primary"),
        button(t("hold.cancel"), () => this.choose(null), "quiet"),
      ),
    );
    fill(this, this.#row, this.#made, this.#form);
    if (this.app.store.may("evidence")) void this.#load();
    this.#tell();
  }

  /** Whether a span is being chosen. */
  get choosing() {
    return this.bar.selection !== null;
  }

  /** Begin with a span around the moment that is shown, or end without holding. */
  toggle() {
    const { centerS, spanS } = this.bar;
    const half = (spanS * FIRST_SHARE) / 2;
    this.choose(this.choosing ? null : [centerS - half, Math.min(centerS + half, this.app.store.nowS())]);
  }

  /** Begin; if that is done, ask for what. */
  press() {
    if (this.choosing) this.ask();
    else this.toggle();
  }

  /** @returns {boolean} whether there was a choice to give up */
  cancel() {
    const was = this.choosing;
    if (was) this.choose(null);
    return was;
  }

  /** @param {Selection | null} selection */
  choose(selection) {
    if (!this.app.store.may("evidence")) return;
    this.bar.selection = selection;
    say(this.#made, "");
    this.#tell();
    this.onChange();
  }

  /** The span starts (0) or ends (1) at the moment that is shown. @param {0 | 1} which */
  setHere(which) {
    const { selection, centerS } = this.bar;
    if (!selection) this.toggle();
    if (this.bar.selection) this.bar.selection = withEnd(this.bar.selection, which, centerS);
    this.#tell();
  }

  /** What was said of the last hold has been read. */
  hush() {
    say(this.#made, "");
  }

  /** For what it is held. */
  ask() {
    if (this.bar.selection) this.#form?.open(this.cameras, this.bar.selection);
  }

  #tell() {
    const { selection } = this.bar;
    this.#row.hidden = selection === null;
    this.bar.draw();
    if (!selection) return;
    const [startS, endS] = selection;
    const { time } = this.app;
    say(this.#words, t("hold.chosen", { from: time.clock(startS), to: time.clock(endS), span: lengthWords(endS - startS) }));
  }

  #done() {
    this.choose(null);
    fill(this.#made, icon("lock"), t("hold.done"), " ", h("a", { href: "#/holds" }, t("holds.title")));
    void this.#load();
  }

  async #load() {
    try {
      this.bar.holds = (await loadHolds(this.app.api, this.gone)).holds;
      this.bar.draw();
    } catch {
      // The timeline is of use without; the list of holds says what is wrong.
    }
  }
}

customElements.define("nvr-hold-bar", NvrHoldBar);
