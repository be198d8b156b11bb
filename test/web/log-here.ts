import type { Log } from '../../src/platform/log.ts';

/** A log whose lines can be looked at: level, event and facts of each. */
export function logHere(): { readonly log: Log; readonly logged: readonly string[] } {
  const logged: string[] = [];
  const as =
    (level: string) =>
    (event: string, facts: Record<string, unknown> = {}) => {
      logged.push(`${level} ${event} ${JSON.stringify(facts)}`);
    };
  return { log: { debug: as('debug'), info: as('info'), warn: as('warn'), error: as('error') }, logged };
}
