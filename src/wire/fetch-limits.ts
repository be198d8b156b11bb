import type { FetchOptions } from './fetch-options.ts';

/** What the engine behind `fetchContent` goes by. */

/** Reads asked of one source at a time: enough that its disk and the wire work at once. Range 2–8. */
export const READS_A_SOURCE_MAX = 4;
/** Of these more for hedges: a link answers 8 reads at once. */
export const HEDGES_A_SOURCE_MAX = 2;
/** Sources used at once: more do not make a LAN faster. Range 2–16. */
const SOURCES_MAX = 6;
/** The same where each has only some runs of the content: as many as a content has runs. */
const STRIPE_SOURCES_MAX = 64;
/** Bytes asked for or being written: the memory of one fetch, hedges apart. Range 4–64 MiB. */
export const WINDOW_BYTES_MAX = 12 * 1024 * 1024;
/** How far ahead of the first byte not yet written is asked: what a sink that needs order must hold. Range 8–64 MiB. */
export const SPAN_BYTES_MAX = 32 * 1024 * 1024;
/** Who says that its turn to give something has not come yet says so no sooner: else it would be asked all the time. */
export const EMPTY_MS_MIN = 400;
/** Length of the first reads of a source, then doubled or halved, so that a slow link too answers within SILENCE_MS. */
export const FIRST_READ_BYTES = 256 * 1024;
export const READ_BYTES_MIN = 64 * 1024;
/** Who answers sooner than this is asked for more at a time. */
export const QUICK_MS = 500;
/** A read unanswered for so long is asked of another source too, and its source for less at a time. */
export const HEDGE_MS = 1_000;
/** The same at the end of a fetch, when nothing else is left to be asked for: the last bytes wait for no slow source. */
export const LAST_MS = 200;
/** A source that answers nothing for so long is dropped when there are others… */
export const SILENCE_MS = 3_000;
/** … and for so long when there is none, or when it must fetch the bytes itself. */
export const PATIENCE_MS = 10_000;
/** Between two looks at hedges, silences and new sources, while the fetch lasts. */
export const LOOK_MS = 250;
/** A look so much late says that this process stood still, not the sources. */
export const LATE_MS_MAX = 250;
/** After that a link forgets a read that nobody waits for any more. */
export const READ_DEADLINE_MS = 30_000;

/** Sources used at once. `reach`: there where each has only some runs. */
export function sourcesMax({ reach }: Pick<FetchOptions, 'reach'>): number {
  return reach === undefined ? SOURCES_MAX : STRIPE_SOURCES_MAX;
}
