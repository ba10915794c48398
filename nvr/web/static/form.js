import { ApiError, errorText } from "./api.js";
import { h, icon, say } from "./dom.js";
import { t } from "./i18n.js";

let fields = 0;

/**
 * A labelled field.
 *
 * @param {string} label
 * @param {import("./dom.js").Props} props of the input
 * @param {string} [hint]
 */
export function field(label, props, hint) {
  const id = `field-${++fields}`;
  const input = h("input", { id, required: true, "aria-describedby": hint ? `${id}-hint` : null, ...props });
  const row = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h("div", { class: "field-row" }, input, props.type === "password" && reveal(input)),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
  return { row, input };
}

/**
 * A labelled field of several lines.
 *
 * @param {string} label
 * @param {import("./dom.js").Props} props of the textarea
 * @param {string} [hint]
 */
export function area(label, props, hint) {
  const id = `field-${++fields}`;
  const input = h("textarea", { id, rows: 3, "aria-describedby": hint ? `${id}-hint` : null, ...props });
  const row = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h("div", { class: "field-row" }, input),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
  return { row, input };
}

/** Typing a password blind on a phone at night goes wrong. @param {HTMLInputElement} input */
function reveal(input) {
  const button = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": t("password.show") },
    icon("eye"),
  );
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
  return button;
}

/** A form that asks the appliance, and says in words what was refused. */
export class AskForm {
  #submit;
  #error = h("p", { class: "error", role: "alert", hidden: true });

  /**
   * @param {string} submit words of the button
   * @param {HTMLElement[]} rows
   * @param {() => Promise<void>} ask throws ApiError
   */
  constructor(submit, rows, ask) {
    this.#submit = h("button", { type: "submit", class: "button primary wide" }, submit);
    this.form = h(
      "form",
      {
        novalidate: true, // the browser's own sentences would be in the browser's language
        onsubmit: (event) => {
          event.preventDefault();
          void this.#send(ask);
        },
      },
      ...rows,
      this.#error,
      this.#submit,
    );
  }

  /** @param {() => Promise<void>} ask */
  async #send(ask) {
    this.#submit.disabled = true;
    this.#error.hidden = true;
    let wait = 0;
    try {
      for (const input of /** @type {NodeListOf<HTMLInputElement | HTMLTextAreaElement>} */ (
        this.form.querySelectorAll(":required")
      )) {
        if (!input.value) {
          input.focus();
          throw new ApiError(0, "empty_field");
        }
      }
      await ask();
    } catch (error) {
      say(this.#error, errorText(error));
      this.#error.hidden = false;
      if (error instanceof ApiError && error.status === 429) wait = error.retryAfterS ?? 0;
    }
    this.#countDown(Math.ceil(wait));
  }

  /** @param {number} seconds until the appliance listens again */
  #countDown(seconds) {
    this.#submit.disabled = seconds > 0;
    if (seconds <= 0) return;
    say(this.#error, errorText(new ApiError(429, "too_many_attempts", seconds)));
    setTimeout(() => {
      if (seconds === 1) this.#error.hidden = true;
      this.#countDown(seconds - 1);
    }, 1000);
  }
}
