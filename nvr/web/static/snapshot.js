/** @import {SiteTime} from "./time.js" */

/**
 * Give the picture that a video shows to whoever sits here, as a file: "Cổng UBND xã 2026-11-24 22-14-05.jpg".
 *
 * @param {HTMLVideoElement} video
 * @param {string} camera its name
 * @param {SiteTime} time
 * @param {number} nowS
 */
export async function takeSnapshot(video, camera, time, nowS) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  if (!(jpeg instanceof Blob)) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(jpeg);
  link.download = snapshotName(camera, time.input(nowS));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download reads it meanwhile
}

/**
 * A name that every file system takes.
 *
 * @param {string} camera
 * @param {string} moment 2026-11-24T22:14:05, of the site
 */
export function snapshotName(camera, moment) {
  const name = camera.replace(/[\\/:*?"<>|\p{Cc}]+/gu, " ").replace(/\s+/g, " ").trim();
  return `${name} ${moment.replace("T", " ").replaceAll(":", "-")}.jpg`;
}
