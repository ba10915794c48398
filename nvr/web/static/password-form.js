/** @import {Api} from "./api.js" */
import { ApiError } from "./api.js";
import { AskForm, field } from "./form.js";
import { t } from "./i18n.js";

const SHORTEST = 10;

/**
 * Changing one's own password.
 *
 * @param {Api} api
 * @param {() => Promise<void> | void} then it was changed
 */
export function passwordForm(api, then) {
  /** @param {string} key @param {string} name @param {string} complete @param {string} [hint] */
  const secret = (key, name, complete, hint) =>
    field(t(key), { type: "password", name, autocomplete: complete, maxlength: 200 }, hint);
  const old = secret("password.old", "old", "current-password");
  const fresh = secret("password.new", "new", "new-password", t("claim.password_hint", { length: SHORTEST }));
  return new AskForm(t("password.change"), [old.row, fresh.row], async () => {
    if ([...fresh.input.value].length < SHORTEST) {
      fresh.input.focus();
      throw new ApiError(422, "weak_password");
    }
    await api.post("/api/password", { old: old.input.value, new: fresh.input.value });
    old.input.value = fresh.input.value = "";
    await then();
  });
}
