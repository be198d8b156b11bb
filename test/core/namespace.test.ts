import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import { madeBy, originLabels, shownNames, stemsShown, viewOf } from '../../src/core/namespace.ts';
import { COMPONENT_BYTES_MAX, utf8Bytes } from '../../src/core/path.ts';
import { isBefore, type Version } from '../../src/core/version.ts';
import { contentHash, fileDraft, graveDraft, path, peerId, records, requestId, version } from './histories.ts';

const [alpha, bravo] = [peerId(1), peerId(2)];
const held = (one: Version, peer: PeerId = alpha) => ({ peer, version: one, holding: 'all' as const });
const nameOf = (peer: PeerId) => (peer === alpha ? 'alpha' : 'bravo');

describe('viewOf', () => {
  it('makes the same view of the same records in any order', () => {
    const mixed = records.chain((said) =>
      fc.tuple(fc.constant(said), fc.shuffledSubarray(said, { minLength: said.length, maxLength: said.length })),
    );
    fc.assert(
      fc.property(mixed, ([said, other]) => {
        const flat = (list: typeof said) => {
          const view = viewOf(path, list);
          return [view, view.known.map((one) => [...one.holdings])];
        };
        expect(flat(other)).toEqual(flat(said));
      }),
    );
  });

  it('is the same whether the records share one version or each has its own, equal to the others', () => {
    const one = version(fileDraft(1));
    const same = [peerId(3), alpha, bravo].map((peer) => ({ peer, version: one, holding: 'all' as const }));
    const alone = records.map((said) => {
      const peers = new Map(said.map(({ peer, holding }) => [peer, holding]));
      return [...peers].map(([peer, holding]) => ({ peer, version: said[0]?.version ?? one, holding }));
    });
    fc.assert(
      fc.property(fc.oneof(records, alone, fc.constant(same)), (said) => {
        const flat = (list: typeof said) => {
          const view = viewOf(path, list);
          return [view, view.known.map(({ holdings }) => [...holdings])];
        };
        const apart = said.map((record) => ({ ...record, version: structuredClone(record.version) }));
        expect(flat(said)).toEqual(flat(apart));
      }),
    );
    expect(viewOf(path, same).contents[0]?.holders).toEqual([alpha, bravo, peerId(3)]);
  });

  it('is not changed by a record of a dominated version', () => {
    fc.assert(
      fc.property(records, (said) => {
        const live = said.filter((one) => !said.some((other) => isBefore(one.version, other.version)));
        expect(viewOf(path, live)).toEqual(viewOf(path, said));
      }),
    );
  });

  it('shows versions of equal content as one: lowest origin, latest time, holders of all', () => {
    const [early, late] = [
      version({ ...fileDraft(1, { mode: 0o600 }), origin: alpha, modifiedMs: 10 }),
      version({ ...fileDraft(1), origin: bravo, modifiedMs: 20 }),
    ];
    const view = viewOf(path, [held(late, bravo), held(early, alpha)]);
    expect(view.contents).toHaveLength(1);
    expect(view.contents[0]).toMatchObject({ modifiedMs: 20, holders: [alpha, bravo], shown: { mode: 0o600, origin: alpha } });
  });

  it('shows concurrent contents as a conflict, and a tombstone beside a live version as none', () => {
    const [one, two, grave] = [version(fileDraft(1)), version({ ...fileDraft(2), origin: bravo }), version(graveDraft(3))];
    expect(viewOf(path, [held(one), held(two)]).contents.map((content) => content.hash)).toEqual([
      contentHash(1),
      contentHash(2),
    ]);
    const view = viewOf(path, [held(one), held(grave)]);
    expect([view.contents.length, view.tombstones]).toEqual([1, [grave]]);
    expect(viewOf(path, [held(grave)]).contents).toEqual([]);
  });

  it('shows the same one of two versions that are told under one key, whoever was read first', () => {
    const one = version(fileDraft(1));
    const lie: Version = { ...version(fileDraft(2)), own: one.own, vector: one.vector };
    const [first, second] = [held(one, bravo), held(lie, alpha)];
    const view = viewOf(path, [first, second]);
    expect(view.contents.map(({ hash }) => hash)).toEqual([contentHash(2)]);
    expect(viewOf(path, [second, first])).toEqual(view);
  });

  it('counts as holder only who says it has all', () => {
    const one = version(fileDraft(1));
    const view = viewOf(path, [
      { peer: alpha, version: one, holding: { mask: 'f'.repeat(16) } },
      { peer: bravo, version: one, holding: 'none' },
    ]);
    expect(view.contents[0]?.holders).toEqual([]);
    expect([...(view.known[0]?.holdings.keys() ?? [])]).toEqual([alpha, bravo]);
  });
});

describe('madeBy', () => {
  it('finds what a request made, also below what followed', () => {
    const made = version({ ...fileDraft(1), request: requestId(1) });
    const next = version({ ...fileDraft(2), request: requestId(2) }, [made]);
    const view = viewOf(path, [held(next)]);
    expect([madeBy(view, requestId(1)), madeBy(view, requestId(2)), madeBy(view, requestId(3))]).toEqual([next, next, undefined]);
    expect(madeBy(undefined, requestId(1))).toBeUndefined();
  });
});

describe('the names shown', () => {
  const conflict = (at: string, ...origins: PeerId[]) =>
    viewOf(
      at as FilePath,
      origins.map((origin, index) =>
        held(version({ ...fileDraft(0xabcd + index), origin, hash: `${index}bcd${'0'.repeat(60)}` as ContentHash })),
      ),
    );

  it.each([
    ['a/name.txt', ['a/name (alpha).txt', 'a/name (bravo).txt']],
    ['name', ['name (alpha)', 'name (bravo)']],
    ['.hidden', ['.hidden (alpha)', '.hidden (bravo)']],
    ['a.tar.gz', ['a.tar (alpha).gz', 'a.tar (bravo).gz']],
  ])('of a conflict at %s say who made each', (at, expected) => {
    expect(shownNames(conflict(at, alpha, bravo), nameOf)).toEqual(expected);
  });

  it('add digits of the hash where one origin stands twice', () => {
    expect(originLabels(conflict('x', alpha, alpha, bravo), nameOf)).toEqual(['alpha 0bcd', 'alpha 1bcd', 'bravo']);
  });

  it('leave a name without conflict as it is', () => {
    expect(shownNames(conflict('x.txt', alpha), nameOf)).toEqual(['x.txt']);
  });

  it('begin with one of their stems, however long name, label and extension are', () => {
    const name = fc.tuple(fc.string({ unit: fc.constantFrom('n', '.', 'ü', '😀'), minLength: 1, maxLength: 250 }), fc.boolean());
    const label = fc.string({ unit: fc.constantFrom('l', 'ü', '語'), minLength: 1, maxLength: 64 });
    const cut = name.map(([text, isBelow]) => `${isBelow ? 'dir/' : ''}${[...text].filter((_, index) => index < 60).join('')}`);
    fc.assert(
      fc.property(
        fc.oneof(
          cut,
          name.map(([text]) => text),
        ),
        label,
        (at, shown) => {
          for (const one of shownNames(conflict(at, alpha, alpha), () => shown)) {
            expect(stemsShown(at).some((stem) => one.startsWith(`${stem} (`))).toBe(true);
          }
        },
      ),
    );
    const longest = shownNames(conflict(`dir/${'n'.repeat(250)}.txt`, alpha, alpha), () => '語'.repeat(64));
    for (const one of longest) expect(stemsShown(`dir/${'n'.repeat(250)}.txt`)).toContain(one.slice(0, one.indexOf(' (')));
    expect(stemsShown('dir/name.txt')).toEqual(['dir/name']);
  });

  it('fit a component, cut between characters', () => {
    for (const stem of ['n'.repeat(250), '😀'.repeat(62), 'ü'.repeat(120)]) {
      for (const shown of shownNames(conflict(`dir/${stem}.txt`, alpha, bravo), nameOf)) {
        expect(utf8Bytes(shown.slice('dir/'.length))).toBeLessThanOrEqual(COMPONENT_BYTES_MAX);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).toMatch(/ \((alpha|bravo)\)\.txt$/);
      }
    }
  });
});
