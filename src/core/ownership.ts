import type { FilePath, PeerId } from './ids.ts';
import { foldCase } from './path.ts';

/** A candidate, and the two lanes of a score as its id alone leaves them. */
interface Candidate {
  readonly peer: PeerId;
  readonly high: number;
  readonly low: number;
}

/**
 * Who owns which name: of the candidates the one with the highest score for its case-folded form (rendezvous hashing, Thaler &
 * Ravishankar 1998). Every peer that knows the same candidates names the same owner, and a candidate that leaves moves only its
 * own names.
 */
export class Owners {
  readonly #candidates: readonly Candidate[];

  /** `candidates`: live, unpaused, caught-up peers, in any order. */
  constructor(candidates: Iterable<PeerId>) {
    this.#candidates = [...candidates].map((peer) => ({ peer, ...lanesAfter(peer, 0x9e3779b9, 0x85ebca6b) }));
  }

  /** Undefined when there is no candidate. */
  of(path: FilePath): PeerId | undefined {
    const name = foldCase(path);
    let best: PeerId | undefined;
    let bestScore = -1;
    for (const { peer, high, low } of this.#candidates) {
      const score = scoreOf(name, high, low);
      if (score > bestScore || (score === bestScore && best !== undefined && peer < best)) {
        best = peer;
        bestScore = score;
      }
    }
    return best;
  }
}

/** 53 bits that depend on every character of both words, the id of the peer and the name. */
function scoreOf(name: string, highOfPeer: number, lowOfPeer: number): number {
  const { high, low } = lanesAfter(name, highOfPeer, lowOfPeer);
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}

/** Two 32-bit multiply-xorshift lanes over the UTF-16 code units of one more word. */
function lanesAfter(word: string, highBefore: number, lowBefore: number): { high: number; low: number } {
  let high = highBefore;
  let low = lowBefore;
  for (let index = 0; index < word.length; index++) {
    const unit = word.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x5bd1e995);
    low = (low << 13) | (low >>> 19);
  }
  high = finished(high ^ (low >>> 7));
  low = finished(low ^ (high >>> 9));
  return { high, low };
}

/** Finalizer of murmur3 (Appleby, public domain): every input bit reaches every output bit. */
function finished(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
