/** @import {Api} from "./api.js" */

const WORKER = "/push-worker.js";

/** Whether this browser can be told while the page is closed. */
export function canPush() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** This browser's subscription, if it has one. @returns {Promise<PushSubscription | null>} */
async function subscription() {
  const registration = canPush() ? await navigator.serviceWorker.getRegistration("/") : undefined;
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** @param {Api} api @param {PushSubscription} subscribed */
async function tell(api, subscribed) {
  const { endpoint, keys } = subscribed.toJSON();
  await api.request("POST", "/api/push", { body: JSON.stringify({ endpoint, keys }), type: "application/json" });
}

/**
 * Ask the person and the browser's push service, and tell the recorder.
 *
 * @param {Api} api
 * @param {string} key the recorder's
 */
export async function switchOn(api, key) {
  const registration = await navigator.serviceWorker.register(WORKER);
  await navigator.serviceWorker.ready;
  await tell(api, await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
}

/** @param {Api} api */
export async function switchOff(api) {
  await (await subscription())?.unsubscribe();
  await api.request("DELETE", "/api/push");
}

/** After a log-in: the recorder forgets a phone with the log-in under which it was switched on. @param {Api} api */
export async function renew(api) {
  try {
    const subscribed = Notification.permission === "granted" ? await subscription() : null;
    if (subscribed) await tell(api, subscribed);
  } catch {
    // The page for it says whether it is on.
  }
}

/** Before logging out: whoever uses this device next is not told what this account may know. */
export async function forget() {
  try {
    await (await subscription())?.unsubscribe();
  } catch {
    // The recorder forgets it with the log-in anyway.
  }
}
