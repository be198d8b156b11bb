import type { PeerId } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { NO_RUNS, rangesOf, type Spread } from '../core/striping.ts';
import type { Link } from './link.ts';

/** What of a striped content each source has, for `FetchOptions.reach`. `ends`: of its runs. */
export function reachOf(
  spread: () => Spread | undefined,
  ends: readonly number[],
): (source: Link) => readonly Range[] | undefined {
  const known = new Map<PeerId, { readonly mask: string; readonly ranges: readonly Range[] }>();
  return ({ peer }) => {
    const content = spread();
    if (content?.holders.includes(peer) === true) return undefined;
    const mask = content?.parts?.get(peer) ?? NO_RUNS;
    const before = known.get(peer);
    if (before?.mask === mask) return before.ranges;
    const ranges = rangesOf(ends, mask);
    known.set(peer, { mask, ranges });
    return ranges;
  };
}
