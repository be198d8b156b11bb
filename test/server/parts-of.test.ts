import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { FilePath, RequestId } from '../../src/core/ids.ts';
import { partsOf } from '../../src/server/parts-of.ts';

const request = 'r' as RequestId;

/** A catalog of these paths; the request made `made`. Counts the paths looked at, in all and between two pauses. */
function lookAt(others: readonly string[], made: readonly string[]) {
  const paths = [...others, ...made].sort() as FilePath[];
  const seen = { looks: 0, inTurn: 0, inTurnMax: 0 };
  const catalog = {
    paths: (after: string, limit: number) => {
      const from = paths.findIndex((path) => path > after);
      return from < 0 ? [] : paths.slice(from, from + limit);
    },
    view: (path: FilePath) => {
      seen.looks++;
      seen.inTurnMax = Math.max(seen.inTurnMax, ++seen.inTurn);
      return { known: made.includes(path) ? [{ version: { request } }] : [{ version: { request: 'q', inherited: [] } }] };
    },
  } as unknown as Catalog;
  const pause = async () => {
    seen.inTurn = 0;
  };
  return { catalog, pause, seen };
}

describe('what a resolved conflict became', () => {
  it.each([
    ['p.jpg', ['p (alpha).jpg', 'p (bravo 3f2a).jpg']],
    ['dir/p', ['dir/p (alpha)', 'dir/p (bravo)']],
    [`dir/${'n'.repeat(250)}.txt`, [`dir/${'n'.repeat(243)} (alpha).txt`, `dir/${'n'.repeat(100)} (${'b'.repeat(64)}).txt`]],
  ])('is found: %s', async (path, made) => {
    const { catalog, pause } = lookAt([path, 'dir/q (alpha)'], made);
    const parts = await partsOf(catalog, path as FilePath, request, pause);
    expect(parts.map(([name]) => name).sort()).toEqual([...made].sort());
  });

  it('is found in few steps beside very many names that begin alike', async () => {
    const others = Array.from({ length: 20_000 }, (_, index) => `photo-${index}.jpg`);
    const { catalog, pause, seen } = lookAt(['p.jpg', ...others], ['p (alpha).jpg', 'p (bravo).jpg']);
    expect(await partsOf(catalog, 'p.jpg' as FilePath, request, pause)).toHaveLength(2);
    expect(seen.looks).toBeLessThan(10);
  });

  it('is looked for in short turns among very many names with a bracket', async () => {
    const others = Array.from({ length: 5_000 }, (_, index) => `p (${index}).jpg`);
    const { catalog, pause, seen } = lookAt(['p.jpg', ...others], ['p (alpha).jpg', 'p (bravo).jpg']);
    expect(await partsOf(catalog, 'p.jpg' as FilePath, request, pause)).toHaveLength(2);
    expect(seen.inTurnMax).toBeLessThanOrEqual(100);
  });
});
