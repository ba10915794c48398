import { ApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { NvrElement, make } from "./element.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";
import { NvrLanguage } from "./nvr-menu.js";

const CODE_LENGTH = 12;
const SHORTEST_PASSWORD = 10;

/**
 * The code as it is printed, while it is typed: capitals, in groups of four.
 *
 * @param {string} typed
 */
export function groupedCode(typed) {
  const letters = typed
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .slice(0, CODE_LENGTH);
  return letters.match(/.{1,4}/g)?.join("-") ?? "";
}

/** First start: whoever holds the code on the appliance's console becomes its administrator. */
export class NvrClaim extends NvrElement {
  build() {
    const code = field(
      t("claim.code"),
      {
        type: "text",
        name: "code",
        class: "code",
        autocomplete: "one-time-code",
        autocapitalize: "characters",
        spellcheck: "false",
        placeholder: "XXXX-XXXX-XXXX",
        maxlength: 20,
        oninput: () => {
          const { input } = code;
          // Correcting in the middle is left alone: rewriting the field would move the cursor.
          if (input.selectionStart === input.value.length) input.value = groupedCode(input.value);
        },
      },
      t("claim.code_hint"),
    );
    const name = field(
      t("login.name"),
      {
        type: "text",
        name: "name",
        autocomplete: "username",
        autocapitalize: "none",
        spellcheck: "false",
        maxlength: 60,
      },
      t("claim.name_hint"),
    );
    const password = field(
      t("login.password"),
      { type: "password", name: "password", autocomplete: "new-password", maxlength: 200 },
      t("claim.password_hint", { length: SHORTEST_PASSWORD }),
    );
    const form = new AskForm(t("claim.submit"), [code.row, name.row, password.row], async () => {
      if ([...password.input.value].length < SHORTEST_PASSWORD) {
        password.input.focus();
        throw new ApiError(422, "weak_password");
      }
      const session = await this.app.api.post("/api/claim", {
        code: groupedCode(code.input.value),
        name: name.input.value.trim(),
        password: password.input.value,
      });
      this.app.signedIn(session);
    });
    fill(
      this,
      h(
        "main",
        { class: "door" },
        h("img", { class: "door-emblem", src: "/static/icon.svg", alt: "", width: 72, height: 72 }),
        h("h1", null, t("claim.title")),
        h("p", { class: "dim" }, t("claim.intro")),
        form.form,
        make(NvrLanguage, this.app),
      ),
    );
  }
}

customElements.define("nvr-claim", NvrClaim);
