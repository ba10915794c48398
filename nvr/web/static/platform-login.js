/** @import {Platform, Platforms} from "./platform-types.js" */
import { copyable } from "./copy-text.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/**
 * What is typed into a platform: name, password where it was just made, and the addresses under which it finds the
 * recorder and its cameras.
 *
 * @param {Platform & {password?: string}} platform
 * @param {Platforms} ports
 * @param {string} [host] as this page was opened
 * @returns {HTMLElement[]}
 */
export function loginOf({ name, password, cameras }, { http_port: http, rtsp_port: rtsp, rtsps_port: rtsps }, host = location.hostname) {
  /** @param {string} scheme @param {number} port @param {string} path */
  const address = (scheme, port, path) => `${scheme}://${host}:${port}/${path}`;
  /** @param {"rtsp" | "rtsps"} scheme @param {number} port */
  const streams = (scheme, port) => {
    const lines = cameras.map((id) => address(scheme, port, `${encodeURIComponent(id)}/main`));
    return lines.length ? [copyable(t(`platforms.${scheme}`), lines.join("\n"))] : [];
  };
  return [
    ...(password ? [h("p", { class: "platform-once" }, t("platforms.once"))] : []),
    copyable(t("platforms.name"), name),
    password ? copyable(t("platforms.password"), password) : h("p", { class: "small dim" }, t("platforms.password_not_shown")),
    copyable(t("platforms.onvif"), address("http", http, "onvif/device_service")),
    ...streams("rtsp", rtsp),
    ...(rtsps ? streams("rtsps", rtsps) : []),
  ];
}
