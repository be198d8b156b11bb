import type { Fact } from '../core/facts.ts';
import { factKey } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';

/**
 * The catalog's part of the store: `i/<peer>` head of an index, `x/<peer>/<sequence>` its records, `a/<fact>` facts.
 * Other rooms save under `f/`, `m/` and `s/`.
 */

/** Digits of a sequence in a key: 2^53 has 16, so that code-unit order is the order of sequences. */
const SEQUENCE_DIGITS = 16;

/** All keys that begin with `prefix`, as the bounds of a range. */
export function keysUnder(prefix: string): { from: string; to: string } {
  // '0' follows '/' in code units.
  return { from: `${prefix}/`, to: `${prefix}0` };
}

export function headKey(peer: PeerId): string {
  return `i/${peer}`;
}

export function recordKey(peer: PeerId, sequence: number): string {
  return `x/${peer}/${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
}

/** Index and sequence of a record's key. */
export function parseRecordKey(key: string): { peer: PeerId; sequence: number } {
  const [, peer, digits] = key.split('/');
  return { peer: peer as PeerId, sequence: Number(digits) };
}

/** Keys are ASCII and a secret may be any text: what is not printable ASCII, and `%`, is escaped by its code unit. */
export function factStoreKey(fact: Fact): string {
  return `a/${factKey(fact).replace(/[^\x20-\x24\x26-\x7e]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}`;
}
