/** @import {App, Session} from "./types.js" */
import { Api } from "./api.js";
import { fill } from "./dom.js";
import { make } from "./element.js";
import { Events } from "./events.js";
import { loadLanguage, preferredLanguage, rememberLanguage } from "./i18n.js";
import { LastPictures } from "./last-pictures.js";
import { NvrClaim } from "./nvr-claim.js";
import { NvrLogin } from "./nvr-login.js";
import { NvrShell } from "./nvr-shell.js";
import { renew } from "./push.js";
import { Bell } from "./sound.js";
import { Store } from "./store.js";
import { SiteTime } from "./time.js";

/** Start of the page: which of its three faces (claim, log-in, everything else) is shown. */
class Page {
  #root;
  /** @type {Events | null} */
  #events = null;
  /** @type {App} */
  #app;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    const store = new Store();
    this.#app = {
      api: new Api(),
      store,
      pictures: new LastPictures(store),
      time: new SiteTime("UTC"),
      bell: new Bell(),
      speak: async (language) => {
        await loadLanguage(language);
        rememberLanguage(language);
        const typed = [...root.querySelectorAll("input")].map(({ name, value }) => ({ name, value }));
        this.#show();
        for (const input of root.querySelectorAll("input")) {
          input.value = typed.find(({ name }) => name === input.name)?.value ?? "";
        }
      },
      signedIn: (session) => this.#take(session),
      signedOut: () => void this.#signedOut(),
    };
    this.#app.api.onSignedOut = () => void this.#signedOut();
  }

  async start() {
    try {
      const session = /** @type {Session} */ (await this.#app.api.get("/api/session"));
      await loadLanguage(preferredLanguage(session.site.language));
      this.#take(session);
    } catch {
      this.#unreachable();
    }
  }

  /** @param {Session} session */
  #take(session) {
    this.#app.api.csrf = session.csrf;
    this.#app.time = new SiteTime(session.site.timezone);
    this.#app.store.set("session", session);
    document.title = session.site.name;
    this.#events?.stop();
    this.#events = null;
    if (session.account && !session.must_change) {
      this.#events = new Events(this.#app.api, this.#app.store);
      this.#events.start();
      void renew(this.#app.api);
    }
    this.#show();
  }

  #show() {
    const { session } = this.#app.store.state;
    if (!session) return;
    if (session.must_change) return void this.#showFirstPassword();
    const Face = session.account ? NvrShell : session.claimed ? NvrLogin : NvrClaim;
    fill(this.#root, make(/** @type {new () => import("./element.js").NvrElement} */ (Face), this.#app));
  }

  /** Once in an account's life, so it is fetched only then. */
  async #showFirstPassword() {
    const { NvrFirstPassword } = await import("./nvr-first-password.js");
    if (this.#app.store.state.session?.must_change) fill(this.#root, make(NvrFirstPassword, this.#app));
  }

  /** The session ended: forget what only an account may know, and ask who is there. */
  async #signedOut() {
    if (!this.#app.store.state.session?.account) return;
    this.#events?.stop();
    this.#events = null;
    this.#app.api.csrf = null;
    fill(this.#root);
    this.#app.store.clear();
    await this.start();
  }

  /** The words may not have come either, so these are in index.html, in both languages. */
  #unreachable() {
    const words = document.getElementById("unreachable");
    if (!words) return;
    fill(this.#root);
    words.hidden = false;
    const again = () => {
      words.hidden = true;
      void this.start();
    };
    words.querySelector("button")?.addEventListener("click", again, { once: true });
  }
}

const root = document.getElementById("app");
if (root) void new Page(root).start();
