/**
 * What /api/accounts and /api/sessions answer; for the type checker alone.
 *
 * @typedef {import("./types.js").Role} Role
 *
 * @typedef {object} Account
 * @property {number} id
 * @property {string} name
 * @property {Role} role
 * @property {string[] | null} cameras null: all
 * @property {boolean} disabled
 * @property {boolean} must_change
 * @property {number} created_s
 * @property {number} sessions how many log-ins it has now
 * @property {boolean} own
 * @property {boolean} may_change
 *
 * @typedef {object} LogIn
 * @property {string} id
 * @property {number} begun_s
 * @property {number} expires_s
 * @property {string} address
 * @property {string} agent
 * @property {boolean} own the one that asks
 * @property {boolean} open a page of it is open
 */
export {};
