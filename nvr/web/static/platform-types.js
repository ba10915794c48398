/**
 * What /api/platforms answers; for the type checker alone.
 *
 * @typedef {object} Platform
 * @property {string} name
 * @property {string[]} cameras
 * @property {boolean} enabled
 * @property {number} created_s
 * @property {string} created_by
 * @property {number | null} seen_s
 * @property {string | null} seen_address
 *
 * @typedef {object} Platforms
 * @property {Platform[]} platforms
 * @property {number} max_name
 * @property {number} http_port
 * @property {number} rtsp_port
 * @property {number} rtsps_port 0: none
 */
export {};
