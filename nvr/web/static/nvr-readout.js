/** @import {Readings} from "./live-transport.js" */
/** @import {NvrPlayer} from "./nvr-player.js" */
import { fill, h } from "./dom.js";
import { NvrElement } from "./element.js";
import { decimal, intlLocale, sentence, t } from "./i18n.js";

const EVERY_S = 1;

/**
 * Between two readings; null: not known.
 *
 * @typedef {object} Figures
 * @property {number} fps
 * @property {number} kbitS
 * @property {number | null} lost share of the packets that did not come at the first attempt or at all
 * @property {number | null} delayS from the appliance to the screen: half a round trip, and the wait in this device
 */

/** @param {Readings} before @param {Readings} now @returns {Figures | null} null: no time has passed */
export function figures(before, now) {
  const seconds = now.atS - before.atS;
  if (!(seconds > 0) || now.bytes < before.bytes) return null;
  const frames = now.frames - before.frames;
  const came = difference(now.packets, before.packets);
  const lost = difference(now.lost, before.lost);
  const waited = difference(now.waitedS, before.waitedS);
  const sent = came !== null && lost !== null ? came + Math.max(0, lost) : 0;
  const waitedEachS = waited !== null && frames > 0 ? waited / frames : null;
  return {
    fps: frames / seconds,
    kbitS: ((now.bytes - before.bytes) * 8) / 1000 / seconds,
    lost: sent > 0 ? Math.max(0, lost ?? 0) / sent : null,
    delayS: waitedEachS !== null && now.roundTripS !== null ? now.roundTripS / 2 + waitedEachS : null,
  };
}

/** @param {number | null} now @param {number | null} before */
function difference(now, before) {
  return now === null || before === null ? null : now - before;
}

/** How the picture of a player comes, in figures: for whoever has to find out why it is bad. */
export class NvrReadout extends NvrElement {
  /** @type {NvrPlayer | null} */
  player = null;
  /** @type {Readings | null} */
  #before = null;
  #facts = h("dl", null);

  build() {
    fill(this, this.#facts);
    this.#before = null;
    void this.#look();
    this.every(EVERY_S, () => void this.#look());
  }

  async #look() {
    const now = (await this.player?.readings()) ?? null;
    const rates = now && this.#before ? figures(this.#before, now) : null;
    this.#before = now;
    const video = this.player?.video;
    if (!now || !video) return fill(this.#facts, fact("readout.picture", "–"));
    const codec = now.codec && ` · ${now.codec}`;
    fill(
      this.#facts,
      fact("readout.picture", video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}${codec}` : "–"),
      fact("readout.stream", now.role ? sentence(t(`stream.${now.role}`)) : "–"),
      fact("readout.fps", rates ? decimal(rates.fps) : "–"),
      fact("readout.rate", rates ? t("readout.kbit", { n: whole(rates.kbitS) }) : "–"),
      fact("readout.lost", rates && rates.lost !== null ? `${decimal(100 * rates.lost)} %` : "–"),
      fact("readout.round_trip", now.roundTripS !== null ? milliseconds(now.roundTripS) : "–"),
      fact("readout.delay", rates && rates.delayS !== null ? milliseconds(rates.delayS) : "–"),
      fact("readout.transport", t(`transport.${now.transport}`)),
    );
  }
}

/** @param {string} key @param {string} value */
function fact(key, value) {
  return h("div", null, h("dt", null, t(key)), h("dd", null, value));
}

/** @param {number} s */
function milliseconds(s) {
  return t("readout.ms", { n: whole(s * 1000) });
}

/** @param {number} value */
function whole(value) {
  return new Intl.NumberFormat(intlLocale(), { maximumFractionDigits: 0 }).format(value);
}

customElements.define("nvr-readout", NvrReadout);
