/**
 * Shapes of the schedule in the HTTP API; times named `*_s` are seconds since 1970 UTC.
 *
 * @typedef {import("./types.js").Mode} Mode
 *
 * @typedef {Mode | "off"} SetTo
 * @typedef {{at_s: number, mode: Mode | null}} PlannedChange null: disarmed
 * @typedef {{days: string[], at: string, set: SetTo}} ScheduleEntry `days`: "mon" to "sun", "holiday"; `at`: "22:00",
 *   "sunset-00:30"
 *
 * @typedef {object} PlannedDay
 * @property {string} date
 * @property {number} start_s
 * @property {number} end_s
 * @property {boolean} holiday
 * @property {number | null} sunrise_s
 * @property {number | null} sunset_s
 * @property {PlannedChange | null} before what the day begins with
 * @property {PlannedChange[]} changes
 *
 * @typedef {object} WeeklySchedule
 * @property {"page" | "nvr.toml" | "none"} source whose is in force
 * @property {number} version
 * @property {number | null} changed_s
 * @property {string | null} changed_by
 * @property {boolean} has_coordinates so that entries can go by the sun
 * @property {string[]} holidays "2027-02-06", or "01-01" for each year
 * @property {ScheduleEntry[]} change
 * @property {PlannedChange | null} next
 * @property {PlannedDay[]} week today and the days after it
 */
export {};
