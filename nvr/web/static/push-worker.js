// Runs in the browser also while the page is closed: shows what the recorder sent by Web Push.
const worker = /** @type {any} */ (self);

worker.addEventListener("push", (/** @type {any} */ event) => {
  const { site, text, incident } = event.data.json();
  const shown = worker.registration.showNotification(site, {
    body: text,
    icon: "/static/icon.svg",
    // The same incident told again (an escalation) rings again, and does not stand there twice.
    tag: incident ? `incident-${incident.id}` : "test",
    renotify: true,
    requireInteraction: incident !== undefined,
    data: { url: incident ? `/#/incident/${incident.id}` : "/" },
  });
  event.waitUntil(shown);
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

/** Show the address in a page that is open already, or else in a new one. @param {string} url */
async function open(url) {
  const [page] = await worker.clients.matchAll({ type: "window" });
  if (!page) return worker.clients.openWindow(url);
  await page.focus();
  return page.navigate(url);
}
