/** Exit codes that are no error's: the table of errors has the others (core/errors.ts). */
export const EXIT_DONE = 0;
/** A conflict: the value was printed all the same. */
export const EXIT_CONFLICT = 6;
/** Ended by Ctrl-C, as shells have it: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;
