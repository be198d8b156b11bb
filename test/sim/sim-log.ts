import type { Log } from '../../src/platform/log.ts';
import type { Incarnation } from './incarnation.ts';
import { fingerprint } from './trace.ts';

/** A trace line longer than this says nothing more. */
const FACTS_CHARACTERS_MAX = 400;

/** The log of one incarnation: lines of the trace, so that what a peer says is part of what must repeat. */
export class SimLog implements Log {
  readonly #incarnation: Incarnation;

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  debug(event: string, facts?: Record<string, unknown>): void {
    this.#line('debug', event, facts);
  }

  info(event: string, facts?: Record<string, unknown>): void {
    this.#line('info', event, facts);
  }

  warn(event: string, facts?: Record<string, unknown>): void {
    this.#line('warn', event, facts);
  }

  error(event: string, facts?: Record<string, unknown>): void {
    this.#line('error', event, facts);
  }

  #line(level: string, event: string, facts: Record<string, unknown> | undefined): void {
    const shown = facts === undefined ? '' : ` ${JSON.stringify(facts, plain).slice(0, FACTS_CHARACTERS_MAX)}`;
    this.#incarnation.tell(`log ${level} ${event}${shown}`);
  }
}

/** What JSON cannot say, said: without stacks, whose file names are another machine's. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { error: value.name, message: value.message };
  if (value instanceof Uint8Array) return `${value.length} bytes ${fingerprint(value)}`;
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
