import type { FilePath, PeerId } from './ids.ts';
import { foldCase } from './path.ts';

/**
 * The owner of a name: the candidate with the highest score for its case-folded form (rendezvous hashing, Thaler &
 * Ravishankar 1998). Every peer that knows the same candidates names the same owner, and a candidate that leaves moves
 * only its own names.
 *
 * @param candidates live, unpaused, caught-up peers, in any order.
 * @returns undefined when there is no candidate.
 */
export function ownerOf(path: FilePath, candidates: Iterable<PeerId>): PeerId | undefined {
  const name = foldCase(path);
  let best: PeerId | undefined;
  let bestScore = -1;
  for (const peer of candidates) {
    const score = scoreOf(name, peer);
    if (score > bestScore || (score === bestScore && best !== undefined && peer < best)) {
      best = peer;
      bestScore = score;
    }
  }
  return best;
}

/** 53 bits that depend on every character of both words: two 32-bit multiply-xorshift lanes over UTF-16 code units. */
function scoreOf(name: string, peer: string): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (const word of [peer, name]) {
    for (let index = 0; index < word.length; index++) {
      const unit = word.charCodeAt(index);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ unit, 0x5bd1e995);
      low = (low << 13) | (low >>> 19);
    }
    high = finished(high ^ (low >>> 7));
    low = finished(low ^ (high >>> 9));
  }
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}

/** Finalizer of murmur3 (Appleby, public domain): every input bit reaches every output bit. */
function finished(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
