import type { FilePath } from '../core/ids.ts';

const BUSY_SHOWN_MAX = 10;

/** What a person should know of the folder. */
export function warningsOf(
  faults: readonly (string | undefined)[],
  scanFault: string | undefined,
  busy: readonly FilePath[],
): string[] {
  const broken = scanFault === undefined ? undefined : `the last scan of the folder broke off, and is tried again: ${scanFault}`;
  const warnings = [...faults, broken].filter((warning) => warning !== undefined);
  const shown = busy.slice(0, BUSY_SHOWN_MAX).map((path) => `busy: ${path} changes all the time and is not taken in yet`);
  const more = busy.length - shown.length;
  return [...warnings, ...shown, ...(more > 0 ? [`busy: ${more} more files`] : [])];
}
