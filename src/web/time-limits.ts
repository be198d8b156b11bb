/**
 * How long this door waits, for what, and why: all of its time-outs, in ms. Who came is not known when most of them run, so
 * each is as short as an honest person on a bad line can bear.
 */

/** For the head of a request, and for a handshake of TLS: nothing is known of whoever sends it. Range 2–60 s. */
export const HEAD_MS_MAX = 10_000;
/** For the first byte of a connection that may speak TLS or not. Range 2–60 s. */
export const FIRST_BYTE_MS_MAX = 10_000;
/** For whoever was sent to TLS to go. Range 1–10 s. */
export const LEAVE_MS_MAX = 2_000;
/** For the next request over a connection: another one is quickly made. Range 5–60 s. */
export const KEEP_ALIVE_MS = 15_000;
/** A connection on which nothing moves is closed. Range: above HEARTBEAT_MS of the streams of events, 20–300 s. */
export const IDLE_MS_MAX = 60_000;
/** For a JSON body: some KiB. Range 5–60 s. */
export const JSON_MS_MAX = 20_000;
/** A body of bytes must bring some KiB (`PACE_BYTES` of the spool) in so long: one that does not only holds its place. Range 10–120 s. */
export const PACE_MS = 30_000;
/**
 * Of a part of an upload nothing came for so long: whoever is its owner and sends another one has lost that connection.
 * Shorter than people wait, longer than a line stutters. Range 1–15 s.
 */
export const PART_SILENT_MS = 3_000;
/** For the rest of a body that nobody wants any more, so that its sender reads the answer. Range 1–30 s. */
export const LINGER_MS = 5_000;
/**
 * A reader that takes no piece for so long is let go: it would keep others from their turn. A download goes on with a range, and a
 * film that was paused is asked for again from where it stands. Range 30–300 s.
 */
export const STALL_MS_MAX = 60_000;
/**
 * A reader may go so long without a byte, while it waits in line, or the mesh has none: then it is sent away. While an older
 * content is fetched for it, this begins anew with each piece. Range 60–600 s.
 */
export const SILENT_MS_MAX = 300_000;
/** Whose turn has not come by then is told to come again. Range 30 s to below SILENT_MS_MAX. */
export const IN_LINE_MS_MAX = 120_000;
/**
 * A change may be at work for so long without a byte on its connection, once all of its request has come: large files are copied
 * to other peers meanwhile. Range 10 min – 24 h.
 */
export const WORK_MS_MAX = 6 * 3_600_000;
/** Peers that are busy with the logins of others are asked again for so long: meanwhile nobody else has the turn. Range 1–10 s. */
export const LOGIN_MS_MAX = 4_000;
/** An older content that nobody reads is kept for so long: as people pause a film. Range 1–60 min. */
export const OLDER_IDLE_MS_MAX = 600_000;
/** A session with the mesh that was not used for so long is closed, and opened anew when it is. Range 1–60 min. */
export const SESSION_IDLE_MS_MAX = 600_000;
