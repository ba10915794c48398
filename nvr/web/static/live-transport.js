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
 * @property {() => void} close leave; the picture that was shown last stays until another comes
 */

/**
 * The session to begin with, or to go on with after the one before ended: the only place that chooses.
 *
 * @param {Api} api
 * @param {HTMLVideoElement} video
 * @returns {LiveSession}
 */
export function newSession(api, video) {
  return new WhepSession(api, video);
}
