import type { ErrorCode } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';

/** Who did not take a copy, and why. */
export type Declines = ReadonlyMap<PeerId, ErrorCode>;

const WORDS: Partial<Record<ErrorCode, string>> = {
  full: 'is full',
  'bad-place': 'cannot hold that name on its disk',
  paused: 'is paused',
  unavailable: 'reaches no holder',
  timeout: 'did not answer in time',
};
/** Peers named in one note: it is one line. */
const NAMED_MAX = 4;

/** The reasons in words, for a person: "bravo is full, charlie cannot hold that name on its disk". */
export function declineWords(declines: Declines, nameOf: (peer: PeerId) => string): string {
  const all = [...declines].map(([peer, code]) => `${nameOf(peer)} ${WORDS[code] ?? 'could not take a copy'}`);
  return all.slice(0, NAMED_MAX).join(', ');
}
