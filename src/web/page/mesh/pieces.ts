import type { WhereResult } from '../api.ts';

/** The picture of one file: which peer has which of its parts. */

type Chunk = NonNullable<WhereResult['chunks']>[number];

/** Parts that lie beside each other at one peer: from and to as shares of the file. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly parts: number;
}

export interface Lane {
  readonly peer: string;
  readonly stretches: readonly Stretch[];
  /** Bytes it has, and the share of the file they are. */
  readonly bytes: number;
  readonly share: number;
}

/** One lane a holder. Without chunks a holder has all of it. */
export function lanesOf(size: number, chunks: readonly Chunk[], holders: readonly string[]): Lane[] {
  if (chunks.length === 0)
    return holders.map((peer) => ({ peer, stretches: [{ from: 0, to: 1, parts: 1 }], bytes: size, share: 1 }));
  const peers = [...new Set([...holders, ...chunks.flatMap((chunk) => chunk.holders)])];
  return peers.map((peer) => laneOf(peer, Math.max(1, size), chunks));
}

function laneOf(peer: string, size: number, chunks: readonly Chunk[]): Lane {
  const stretches: Stretch[] = [];
  let bytes = 0;
  let wasHeld = false;
  for (const chunk of chunks) {
    const isHeld = chunk.holders.includes(peer);
    if (isHeld) {
      const [from, to] = [chunk.offset / size, (chunk.offset + chunk.size) / size];
      const last = wasHeld ? stretches.pop() : undefined;
      stretches.push({ from: last?.from ?? from, to, parts: (last?.parts ?? 0) + 1 });
      bytes += chunk.size;
    }
    wasHeld = isHeld;
  }
  return { peer, stretches, bytes, share: bytes / size };
}

/** More marks than this blur into one. */
const MARKS_MAX = 120;

/** Where parts begin, as shares of the file; none when there are too many to tell apart. */
export function partMarks(size: number, chunks: readonly Chunk[]): number[] {
  return chunks.length > MARKS_MAX ? [] : chunks.slice(1).map(({ offset }) => offset / Math.max(1, size));
}
