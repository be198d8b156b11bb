/** How long one waits before one asks again. */

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Twice as long each time, and not all pages at once; never shorter than the peer asks for. `tries`: how often it was in vain
 * since something came of it, from 1 on.
 */
export function pauseMs(tries: number, askedMs = 0): number {
  const growing = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1));
  return Math.max(askedMs, growing * (0.75 + Math.random() / 2));
}

/** Of a `Retry-After` in seconds; of a date, or nonsense: 0. */
export function askedMsOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? 0);
  return seconds > 0 && seconds <= 3600 ? seconds * 1000 : 0;
}

/** A refusal that passes by itself: nobody there (0), a slow network, a part that is on its way still, too much under way. */
export function isPassing({ status, code }: { readonly status: number; readonly code: string }): boolean {
  return [0, 408, 423, 429, 502, 503, 504].includes(status) || (status === 409 && code === 'overtaken');
}

/** Resolves after that time, or as soon as `wake` is called. */
export function nap(ms: number): { readonly over: Promise<void>; wake(): void } {
  let wake = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, wake: () => wake() };
}
