/** @import {App, Camera} from "./types.js" */
import { h, say } from "./dom.js";
import { t } from "./i18n.js";

/** A still is asked for only where the live picture does not come soon, and of what is on the disk for certain. */
const STILL_AFTER_S = 4;
const STILL_AGE_S = 8;

/** What is seen until the live picture comes: the last one that was on this screen, else a still from the recording. */
export class Poster {
  element = h("canvas", { class: "player-poster", hidden: true });
  /** Of when it is, in words: nobody may take it for live. */
  when = h("p", { class: "player-when" });
  #app;
  #timer = 0;
  #wanted = "";

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  /** @param {Camera} camera @param {boolean} isAway it sends nothing now, so that no live picture will come soon */
  show(camera, isAway) {
    if (this.#wanted === camera.id) return;
    this.hide();
    this.#wanted = camera.id;
    const last = this.#app.pictures.of(camera.id);
    if (last) return this.#draw(last.canvas, last.atS);
    this.#timer = setTimeout(() => void this.#fetch(camera), isAway ? 0 : STILL_AFTER_S * 1000);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#wanted = "";
    this.element.hidden = true;
    say(this.when, "");
  }

  /** @param {Camera} camera */
  async #fetch({ id, streams }) {
    const stream = streams.sub ?? streams.main;
    const atS = (stream.state === "live" ? this.#app.store.nowS() : stream.since_s) - STILL_AGE_S;
    try {
      const path = `/api/cameras/${encodeURIComponent(id)}/picture?at_s=${atS.toFixed(1)}`;
      const answer = await this.#app.api.request("GET", path);
      const picture = await createImageBitmap(await answer.blob());
      if (this.#wanted === id) this.#draw(picture, atS);
      picture.close();
    } catch {
      // Nothing was recorded then, or no still can be made now: it is only an adornment.
    }
  }

  /** @param {HTMLCanvasElement | ImageBitmap} picture @param {number} atS */
  #draw(picture, atS) {
    this.element.width = picture.width;
    this.element.height = picture.height;
    this.element.getContext("2d")?.drawImage(picture, 0, 0);
    this.element.hidden = false;
    say(this.when, t("player.picture_of", { moment: this.#app.time.moment(atS, this.#app.store.nowS()) }));
  }
}
