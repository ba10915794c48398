/**
 * Shapes of the appliance's HTTP API, as the page reads them. Times named `*_s` are seconds since 1970 UTC.
 *
 * @typedef {"viewer" | "operator" | "administrator" | "investigator" | "household"} Role
 * @typedef {"own" | "cameras" | "live" | "site" | "playback" | "handle" | "guard" | "evidence" | "administer"} Ability
 * @typedef {"main" | "sub"} StreamRole
 * @typedef {"record" | "call" | "warn" | "siren"} Response
 * @typedef {"enter" | "loiter" | "cross_left" | "cross_right"} Rule
 *
 * @typedef {object} Session
 * @property {boolean} claimed
 * @property {{name: string, language: string, timezone: string}} site
 * @property {{name: string, role: Role, cameras: string[] | null} | null} account
 * @property {Ability[]} may what this account may do
 * @property {boolean} must_change somebody else knows the password; nothing but its change is open
 * @property {string | null} csrf
 * @property {string} version
 *
 * @typedef {object} Fault
 * @property {string} place "camera:gate/main", "disk" or of several "disk:/data/a", "siren", "analysis", "clock"
 * @property {string} code key of the locales: `fault.<code>`
 * @property {string} detail English text for a technician
 * @property {Record<string, string | number>} params
 * @property {number} [since_s]
 *
 * @typedef {object} Stream
 * @property {"connecting" | "live" | "down"} state
 * @property {string} codec
 * @property {number} width
 * @property {number} height
 * @property {boolean} b_frames
 * @property {number} since_s
 *
 * @typedef {object} Place a zone or a line
 * @property {string} name
 * @property {Response} response
 * @property {string[]} objects
 * @property {string[]} hours "22:00-05:00"; none: all day
 *
 * @typedef {object} Camera
 * @property {string} id
 * @property {string} name
 * @property {{main: Stream, sub: Stream | null}} streams
 * @property {(Place & {polygon: [number, number][], rule: Rule, seconds: number | null})[]} zones
 * @property {(Place & {from: [number, number], to: [number, number], direction: string})[]} lines
 * @property {boolean} sound whether it can be heard live
 * @property {Fault | null} fault
 *
 * @typedef {object} Layout of the wall
 * @property {number} id
 * @property {string} name
 * @property {number} tiles of a page: 1, 4, 9 or 16
 * @property {(string | null)[]} cameras in order; null where a tile stays empty
 *
 * @typedef {object} Incident
 * @property {number} id
 * @property {string} camera
 * @property {string} camera_name
 * @property {string} zone name of the zone or line
 * @property {Rule} rule
 * @property {string} kind
 * @property {Response} response
 * @property {number} opened_s
 * @property {number} last_s
 * @property {number} sightings
 * @property {number} score
 * @property {[number, number, number, number] | null} box x0, y0, x1, y1, relative to the picture
 * @property {string | null} picture the whole frame
 * @property {string | null} best its first object alone
 * @property {SeenObject[]} [objects] only where one incident was asked for
 * @property {number | null} acknowledged_s
 * @property {string | null} acknowledged_by
 * @property {number | null} resolved_s
 * @property {string | null} resolved_by
 * @property {Outcome | null} outcome
 * @property {boolean} test of a quiet test
 * @property {HistoryEntry[]} [history] only where one incident was asked for
 * @property {{role: StreamRole, start_s: number, end_s: number}} footage
 *
 * @typedef {"real" | "false_alarm" | "test" | "other"} Outcome
 *
 * @typedef {object} HistoryEntry it was resolved, or (`outcome` null) opened again
 * @property {number} at_s
 * @property {string} by
 * @property {Outcome | null} outcome
 * @property {string} note
 *
 * @typedef {{camera: string, zone: string} & Record<Outcome, number>} ZoneOutcomes
 *
 * @typedef {object} SeenObject
 * @property {number} number
 * @property {string} zone
 * @property {string} kind
 * @property {number} score
 * @property {number} seen_s
 * @property {string | null} picture the best one of it
 * @property {string | null} frames those that counted, side by side
 * @property {Explanation | null} explanation
 *
 * @typedef {object} Explanation why the analysis is certain
 * @property {number} certain_at evidence that decides
 * @property {number} after_s from the first look
 * @property {number} pictures in which it was seen
 * @property {{before_s: number, score: number | null, evidence: number, step: number, moving: boolean,
 *   box: [number, number, number, number]}[]} examined the last looks, oldest first
 * @property {number[]} counted indices of those that `frames` shows
 * @property {boolean} [by_way] known by shape and way: the evidence is heights of steady way, scores mean nothing
 *
 * @typedef {object} FootagePart
 * @property {string} url
 * @property {number} start_s
 * @property {number} duration_s
 * @property {number} bytes
 * @property {string} content_type
 * @property {[number, number][]} media_to_wall
 * @property {"aac" | "alaw" | "ulaw" | null} audio
 *
 * @typedef {object} Footage
 * @property {FootagePart[]} parts
 * @property {[number, number][]} covered
 *
 * @typedef {object} TimelineCamera
 * @property {string} id
 * @property {StreamRole} role
 * @property {number} resolution_s
 * @property {[number, number][]} spans recorded
 * @property {[number, number, string][]} gaps missing, with the cause
 * @property {[number, number][]} motion
 * @property {{id: number, kind: string, response: Response, start_s: number, end_s: number}[]} incidents
 *
 * @typedef {object} Timeline
 * @property {number} start_s
 * @property {number} end_s
 * @property {boolean} partial footage may lie on a disk that is away
 * @property {TimelineCamera[]} cameras
 *
 * @typedef {object} Hold footage that is not overwritten until it expires
 * @property {string} id
 * @property {string} camera
 * @property {number} start_s
 * @property {number} end_s
 * @property {string} case
 * @property {string} person who asked for it
 * @property {string} reason
 * @property {number} expires_s
 * @property {string} made_by
 * @property {number} made_s
 * @property {boolean} expired
 * @property {number | null} [bytes]
 *
 * @typedef {object} Holds
 * @property {Hold[]} holds
 * @property {number} held_bytes
 * @property {number} quota_bytes
 *
 * @typedef {object} Deletion what was deleted of one stream on one day for one cause
 * @property {number} day_s
 * @property {string} camera
 * @property {StreamRole} role
 * @property {string} cause
 * @property {number} segments
 * @property {number} bytes
 * @property {number} start_s
 * @property {number} end_s
 *
 * @typedef {object} AuditRow who did what
 * @property {number} id
 * @property {number} wall_s
 * @property {string} actor
 * @property {string} address
 * @property {string} action
 * @property {string} subject
 * @property {Record<string, string | number | boolean | null>} detail
 *
 * @typedef {object} Chain of the audit trail; what the last check found, null before the first
 * @property {string | null} head now
 * @property {"whole" | "broken" | "cut" | null} state
 * @property {number | null} checked_s
 * @property {number | null} rows
 * @property {number | null} broken_row
 * @property {string | null} missing_head
 *
 * @typedef {object} NotifyTarget who is told besides the page
 * @property {string} name
 * @property {"webhook" | "mqtt" | "push"} kind
 * @property {number} after_s
 * @property {("call" | "warn" | "siren")[]} responses
 * @property {boolean} failing
 * @property {number} waiting
 * @property {number | null} delivered_s
 *
 * @typedef {object} Delivery
 * @property {string} target
 * @property {"webhook" | "mqtt" | "push" | null} kind null: nvr.toml has it no more
 * @property {"waiting" | "delivered" | "withdrawn" | "given_up"} state
 * @property {number} due_s
 * @property {number} changed_s
 * @property {number} attempts
 * @property {string | null} problem
 *
 * @typedef {object} PushOffer
 * @property {boolean} configured
 * @property {boolean} installed
 * @property {string | null} key
 * @property {boolean} subscribed this log-in
 *
 * @typedef {object} CameraStock
 * @property {number} bytes
 * @property {number | null} oldest_s
 * @property {number} days_kept
 * @property {number | null} days_possible
 * @property {number} days_min
 *
 * @typedef {object} Disk
 * @property {string} path
 * @property {"recording" | "idle" | "missing"} state
 * @property {number} used_bytes
 * @property {number} free_bytes
 * @property {number | null} oldest_s
 * @property {number | null} days_kept
 * @property {number | null} days_possible
 * @property {string[]} cameras that record on it now
 *
 * @typedef {object} Storage all disks together
 * @property {number} used_bytes
 * @property {number} free_bytes
 * @property {number | null} oldest_s
 * @property {number | null} days_kept
 * @property {number | null} days_possible
 * @property {Record<string, CameraStock>} cameras
 * @property {Disk[]} disks
 *
 * @typedef {object} Siren
 * @property {boolean} configured
 * @property {"up" | "down" | "none"} link
 * @property {boolean} wanted
 * @property {boolean} on
 * @property {string | null} cause
 * @property {number | null} ends_s
 * @property {number | null} cooldown_until_s
 * @property {boolean} test sounds because somebody tests it
 *
 * @typedef {"home" | "night" | "away"} Mode
 *
 * @typedef {object} About the sighting that a state is about
 * @property {string} camera id, "*" if of none
 * @property {string} zone
 * @property {string} kind
 * @property {number} at_s
 * @property {number | null} incident
 *
 * @typedef {object} Alarm
 * @property {string} state disarmed, arming, armed, pending, calling, warning, sounding, silenced, fault; of a later
 *   version perhaps another one
 * @property {boolean} armed
 * @property {Mode | null} mode
 * @property {number} since_s armed or disarmed since, by whom and why
 * @property {string | null} actor
 * @property {string} why manual, schedule, start
 * @property {number | null} deadline_s when the state ends by itself
 * @property {About | null} about
 * @property {boolean} would_sound it sounds, but for the quiet test
 * @property {string[]} missing what should act and cannot: siren, speaker, analysis, camera:gate
 * @property {"call" | "warn"} instead what is done in place of what cannot
 * @property {{at_s: number, armed: boolean, mode: Mode | null} | null} next_change
 * @property {{until_s: number, actor: string} | null} quiet_test
 * @property {Siren} siren
 * @property {number[]} ringing ids of incidents that ring until somebody acknowledges them
 *
 * @typedef {object} Watched how analysis looks at a camera
 * @property {"acting" | "moving" | "seldom_keyframes" | "keyframes" | "quarantined"} mode
 * @property {number} fps examined
 *
 * @typedef {object} Status
 * @property {Fault[]} faults
 * @property {Storage} storage
 * @property {{running: boolean, cpu_percent: number, budget_percent: number, cameras: Record<string, Watched>}} analysis
 * @property {{p50: number, p99: number, max: number}} loop_lag_ms how late the service was in the last minute
 * @property {number} now_s
 * @property {{source: "none" | "rtc" | "person" | "ntp", error_s: number | null}} clock
 * @property {number} uptime_s
 *
 * @typedef {object} App what every element is given
 * @property {import("./api.js").Api} api
 * @property {import("./store.js").Store} store
 * @property {import("./last-pictures.js").LastPictures} pictures
 * @property {import("./time.js").SiteTime} time
 * @property {import("./sound.js").Bell} bell
 * @property {(language: import("./i18n.js").Language) => Promise<void>} speak switch the language
 * @property {(session: Session) => void} signedIn
 * @property {() => void} signedOut
 */
export {};
