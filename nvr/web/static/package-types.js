/**
 * Shapes of the API of evidence packages, as the page reads them.
 *
 * @typedef {object} EvidenceRequest a package of evidence that somebody asked for
 * @property {string} id
 * @property {string} case
 * @property {string} person
 * @property {string} reason
 * @property {string[]} cameras
 * @property {number} start_s
 * @property {number} end_s
 * @property {"requested" | "refused" | "approved" | "ready" | "failed"} state
 * @property {string} failure
 * @property {string} requested_by
 * @property {number} requested_s
 * @property {string | null} decided_by
 * @property {number | null} decided_s
 * @property {number | null} bytes of the ZIP
 * @property {number | null} progress 0 to 1 while it is being made
 * @property {boolean} may_decide
 */
export {};
