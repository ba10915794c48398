import { known, t } from "./i18n.js";

const TIMEOUT_S = 15;

/** A request the appliance refused, or that did not reach it (`status` 0, code "offline"). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {number | null} [retryAfterS]
   * @param {string} [place] which part of what was sent is wrong, as "change.2.at"
   * @param {Record<string, string | number>} [params] of its words
   */
  constructor(status, code, retryAfterS = null, place = "", params = {}) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
    this.place = place;
    this.params = params;
  }
}

/**
 * What went wrong, in the page's language.
 *
 * @param {unknown} error
 */
export function errorText(error) {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return t("error.page");
  }
  const key = `error.${error.code}`;
  // How long to wait is said where somebody tries too often, and where nothing more is known than that it passes.
  if (error.retryAfterS !== null && (error.code === "too_many_attempts" || !known(key))) {
    const words = error.code === "too_many_attempts" ? "error.wait" : "error.busy";
    return t(words, { seconds: Math.ceil(error.retryAfterS) });
  }
  return known(key) ? t(key, error.params) : t("error.unknown", { status: error.status });
}

/** The appliance's HTTP API. */
export class Api {
  /** @type {string | null} */
  csrf = null;
  /** Called when the appliance says that nobody is logged in (any more). */
  onSignedOut = () => {};

  /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
  async get(path, signal) {
    return (await this.request("GET", path, { signal })).json();
  }

  /** @param {string} path @param {object} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
  async post(path, body, signal) {
    const answer = await this.request("POST", path, {
      body: JSON.stringify(body ?? {}),
      type: "application/json",
      signal,
    });
    return answer.status === 204 ? null : answer.json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: string, type?: string, signal?: AbortSignal, keepalive?: boolean}} [options]
   * @returns {Promise<Response>} an answer with status < 400
   * @throws {ApiError}
   */
  async request(method, path, options = {}) {
    try {
      return await this.#send(method, path, options);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401 && error.code !== "wrong_login") this.onSignedOut();
      if (error.code !== "bad_csrf") throw error;
    }
    // Somebody logged in anew in another tab of this browser: the cookie is that session's, so take its token too.
    this.csrf = (await (await this.#send("GET", "/api/session", {})).json()).csrf;
    return this.#send(method, path, options);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: string, type?: string, signal?: AbortSignal, keepalive?: boolean}} options
   * @returns {Promise<Response>}
   */
  async #send(method, path, { body, type, signal, keepalive }) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (type) headers["Content-Type"] = type;
    if (method !== "GET" && this.csrf) headers["X-CSRF-Token"] = this.csrf;
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, TIMEOUT_S * 1000);
    signal?.addEventListener("abort", stop);
    let answer;
    try {
      if (signal?.aborted) stop();
      answer = await fetch(path, { method, headers, body, keepalive, signal: limit.signal });
    } catch {
      throw new ApiError(0, "offline");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
    if (answer.ok) return answer;
    throw await refusal(answer);
  }
}

/** @param {Response} answer @returns {Promise<ApiError>} */
async function refusal(answer) {
  try {
    const { error, retry_after_s: wait, place, params } = await answer.json();
    return new ApiError(answer.status, String(error), typeof wait === "number" ? wait : null, place, params);
  } catch {
    return new ApiError(answer.status, "unknown");
  }
}
