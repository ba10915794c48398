/** @import {EvidenceRequest} from "./package-types.js" */
import { errorText } from "./api.js";
import { fill, h, icon, say } from "./dom.js";
import { NvrElement } from "./element.js";
import { lengthWords } from "./holds.js";
import { known, t } from "./i18n.js";
import { size } from "./time.js";

const LOOK_AGAIN_MS = 2000;

/** Packages of evidence: asked for on the page of holds, decided on and fetched here. */
export class NvrPackages extends NvrElement {
  #error = h("p", { class: "error", role: "alert", hidden: true });
  #key = h("section", { class: "card package-key", hidden: true });
  #list = h("div", { class: "holds" });
  #timer = 0;

  build() {
    const words = this.app.store.may("evidence") ? t("loading") : t("error.forbidden");
    fill(
      this,
      h(
        "div",
        { class: "title-row" },
        h("a", { class: "back", href: "#/holds", "aria-label": t("back.holds") }, icon("back")),
        h("h1", null, t("packages.title")),
      ),
      this.#error,
      this.#list,
      this.#key,
    );
    fill(this.#list, h("p", { class: "empty" }, icon("lock"), words));
    this.gone.addEventListener("abort", () => clearTimeout(this.#timer));
    if (this.app.store.may("evidence")) void this.#load();
  }

  async #load() {
    clearTimeout(this.#timer);
    try {
      const { fingerprint, requests } = await this.app.api.get("/api/evidence", this.gone);
      this.#error.hidden = true;
      this.#show(requests);
      this.#showKey(fingerprint);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {string} fingerprint */
  #showKey(fingerprint) {
    this.#key.hidden = false;
    fill(
      this.#key,
      h("h2", null, t("packages.key")),
      h("p", { class: "fingerprint" }, (fingerprint.match(/.{4}/g) ?? []).join(" ")),
      h("p", { class: "dim small" }, t("packages.key_hint")),
      h(
        "a",
        { class: "button quiet", href: "/api/evidence/verify.html", download: "verify.html" },
        icon("download"),
        t("packages.verifier"),
      ),
    );
  }

  /** @param {EvidenceRequest[]} requests */
  #show(requests) {
    if (requests.length) fill(this.#list, requests.map((request) => this.#card(request)));
    else fill(this.#list, h("p", { class: "empty" }, icon("lock"), t("packages.none")));
    if (requests.some(({ state }) => state === "approved")) {
      this.#timer = setTimeout(() => void this.#load(), LOOK_AGAIN_MS);
    }
  }

  /** @param {EvidenceRequest} request */
  #card(request) {
    const { time, store } = this.app;
    const { id, start_s: startS, end_s: endS, state, bytes, decided_by: decidedBy, decided_s: decidedS } = request;
    const nowS = store.nowS();
    const failure = `packages.failed.${request.failure}`;
    const words =
      state === "approved" && request.progress !== null
        ? t("packages.making", { percent: Math.floor(request.progress * 100) })
        : t(`packages.state.${state}`);
    /** @param {string} name @param {string} value */
    const fact = (name, value) => h("div", { class: "fact" }, h("dt", null, name), h("dd", null, value));
    return h(
      "article",
      { class: "hold package", "data-state": state },
      h("h2", null, request.case),
      h("p", { class: "badges" }, h("span", { class: `badge${state === "ready" ? " held" : ""}` }, words)),
      state === "failed" ? h("p", { class: "error" }, known(failure) ? t(failure) : request.failure) : null,
      h("p", { class: "hold-cameras" }, request.cameras.map((camera) => store.cameraName(camera)).join(", ")),
      h("p", { class: "hold-span" }, `${time.clock(startS)} – ${time.clock(endS)}, ${time.day(startS, nowS)}`),
      h("p", { class: "dim small" }, [lengthWords(endS - startS), bytes === null ? null : size(bytes)].filter(Boolean).join(" · ")),
      h(
        "dl",
        { class: "facts" },
        fact(t("hold.person"), request.person),
        fact(t("hold.reason"), request.reason),
        fact(
          t("holds.made"),
          t("holds.made_by", { name: request.requested_by, time: time.moment(request.requested_s, nowS) }),
        ),
        decidedBy === null || decidedS === null
          ? null
          : fact(t("packages.decided"), t("holds.made_by", { name: decidedBy, time: time.moment(decidedS, nowS) })),
      ),
      request.may_decide
        ? h("div", { class: "tools pair" }, this.#decision(id, "approve"), this.#decision(id, "refuse"))
        : null,
      state === "ready"
        ? h(
            "div",
            { class: "tools" },
            h(
              "a",
              { class: "button primary", href: `/api/evidence/${id}/package.zip`, download: `evidence_${id}.zip` },
              icon("download"),
              t("packages.download"),
            ),
          )
        : null,
    );
  }

  /** @param {string} id @param {"approve" | "refuse"} deed */
  #decision(id, deed) {
    const decide = async () => {
      try {
        await this.app.api.post(`/api/evidence/${id}/${deed}`);
      } catch (error) {
        this.#fail(error);
        return;
      }
      await this.#load();
    };
    const kind = deed === "approve" ? "primary" : "quiet";
    return h("button", { type: "button", class: `button ${kind}`, onclick: () => void decide() }, t(`packages.${deed}`));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.gone.aborted) return;
    say(this.#error, errorText(error));
    this.#error.hidden = false;
  }
}

customElements.define("nvr-packages", NvrPackages);
