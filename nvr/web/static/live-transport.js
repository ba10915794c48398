/** @import {Api} from "./api.js" */
/** @import {StreamRole} from "./types.js" */
import { WhepSession } from "./whep.js";

/**
 * One viewing of one camera, whatever brings its pictures: all that a player knows of it.
 *
 * @typedef {object} LiveSession
 * @property {boolean} failed the connection ended, and nothing will come by it any more
 * @property {(camera: string, role: StreamRole, signal: AbortSignal) => Promise<void>} open
 *   begin; the pictures go into the video that the session was made for. Throws ApiError: refused
 * @property {(role: StreamRole) => Promise<void>} show
 *   the other stream, from its next keyframe on, in the same session. Throws ApiError: refused, all stays as it was
 * @property {() => Promise<number>} framesDecoded pictures so far
 * @property {() => Promise<Readings>} readings
 * @property {() => void} close leave; the picture that was shown last stays until another comes
 */

/**
 * What a session counted since it began, null where its way does not tell.
 *
 * @typedef {object} Readings
 * @property {"webrtc"} transport words: `transport.<it>`
 * @property {number} atS a clock that runs evenly
 * @property {number} bytes of the video
 * @property {number} frames decoded
 * @property {string} codec
 * @property {StreamRole | null} role shown now
 * @property {number | null} packets that came
 * @property {number | null} lost
 * @property {number | null} waitedS for how long pictures waited here until they were shown, all together
 * @property {number | null} roundTripS
 */

/**
 * The session to begin with, or to go on with after the one before ended: the only place that chooses.
 *
 * @param {Api} api
 * @param {HTMLVideoElement} video
 * @param {boolean} withSound
 * @returns {LiveSession}
 */
export function newSession(api, video, withSound) {
  return new WhepSession(api, video, withSound);
}
