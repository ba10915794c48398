/**
 * Incremental parser of text/event-stream (HTML standard, section 9.2). Pure.
 *
 * The browser's own EventSource hides two things the page must see: the status of a refused request, and the
 * comment lines that show that a quiet connection is still alive.
 */
export class SseParser {
  #rest = "";
  #event = "";
  /** @type {string[]} */
  #data = [];

  /**
   * The events completed by `text`; a comment gives none.
   *
   * @param {string} text
   * @returns {{event: string, data: string}[]}
   */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    const complete = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length)
          complete.push({ event: this.#event || "message", data: this.#data.join("\n") });
        this.#event = "";
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.#event = value;
      else if (field === "data") this.#data.push(value);
    }
    return complete;
  }
}
