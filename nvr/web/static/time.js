import { intlLocale, t, tn } from "./i18n.js";

const DAY_S = 86400;

/** Times as people at the site read them: in its time zone, wherever the phone is. */
export class SiteTime {
  /** @type {string} */
  #zone;

  /** @param {string} zone IANA name */
  constructor(zone) {
    this.#zone = zone;
  }

  /** @param {number} s @param {Intl.DateTimeFormatOptions} options */
  #format(s, options) {
    return new Intl.DateTimeFormat(intlLocale(), {
      timeZone: this.#zone,
      hourCycle: "h23",
      ...options,
    }).format(s * 1000);
  }

  /** 22:14:05 @param {number} s */
  clock(s) {
    return this.#format(s, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }

  /** 22:14 @param {number} s */
  hourMinute(s) {
    return this.#format(s, { hour: "2-digit", minute: "2-digit" });
  }

  /** 24/11/2026 @param {number} s */
  date(s) {
    return this.#format(s, { day: "2-digit", month: "2-digit", year: "numeric" });
  }

  /** 24/11 @param {number} s */
  dayMonth(s) {
    return this.#format(s, { day: "2-digit", month: "2-digit" });
  }

  /** Mon, 30/11 @param {number} s */
  shortDay(s) {
    return this.#format(s, { weekday: "short", day: "2-digit", month: "2-digit" });
  }

  /** The site's time minus UTC at a moment, in seconds. @param {number} s */
  offsetS(s) {
    const whole = Math.floor(s);
    return Date.parse(`${this.input(whole)}Z`) / 1000 - whole;
  }

  /** 2026-11-24T22:14:05, as date and time inputs take it. @param {number} s */
  input(s) {
    // Swedish writes dates as ISO 8601 does.
    const words = new Intl.DateTimeFormat("sv", {
      timeZone: this.#zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    }).format(s * 1000);
    return words.replace(" ", "T");
  }

  /** The moment that a date and time input shows; NaN if it shows none. @param {string} text */
  fromInput(text) {
    const utcS = Date.parse(`${text}Z`) / 1000;
    if (Number.isNaN(utcS)) return utcS;
    // The offset of the result may differ from that of the guess around a change of the clocks.
    return utcS - this.offsetS(utcS - this.offsetS(utcS));
  }

  /** "today", "yesterday", or the weekday and date. @param {number} s @param {number} nowS */
  day(s, nowS) {
    const date = this.date(s);
    if (date === this.date(nowS)) return t("day.today");
    if (date === this.date(nowS - DAY_S)) return t("day.yesterday");
    if (date === this.date(nowS + DAY_S)) return t("day.tomorrow");
    return this.#format(s, { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" });
  }

  /** "22:14, today" @param {number} s @param {number} nowS */
  moment(s, nowS) {
    return t("time.moment", { time: this.hourMinute(s), day: this.day(s, nowS) });
  }
}

/** 2:41 or 1:02:03 @param {number} s */
export function stopwatch(s) {
  const whole = Math.max(0, Math.round(s));
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** "3 hours 12 minutes", two units at most. @param {number} s */
export function span(s) {
  const minutes = Math.max(0, Math.floor(s / 60));
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  if (days) return join(tn("span.days", days), hours && tn("span.hours", hours));
  if (hours) return join(tn("span.hours", hours), minutes % 60 && tn("span.minutes", minutes % 60));
  return minutes ? tn("span.minutes", minutes) : t("span.moment");
}

/** @param {string} one @param {string | 0} other */
function join(one, other) {
  return other ? `${one} ${other}` : one;
}

/** 931 GB @param {number} bytes */
export function size(bytes) {
  const units = ["megabyte", "gigabyte", "terabyte"];
  let value = bytes / 1e6;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(intlLocale(), {
    style: "unit",
    unit: units[unit],
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}
