import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  covers,
  INHERITED_REQUESTS_MAX,
  isBefore,
  isReplaced,
  isSameVersion,
  makeVersion,
  mayWrite,
  undominated,
  VECTOR_ENTRIES_LIMIT,
  VECTOR_ENTRIES_MAX,
  type Version,
  versionKey,
} from '../../src/core/version.ts';
import { fileDraft, graveDraft, history, peerId, requestId, version, writerId } from './histories.ts';

describe('isBefore', () => {
  const one = version(fileDraft(1));
  const two = version(fileDraft(2), [one]);
  const asked = version({ ...fileDraft(3), request: requestId(7) });
  const again = version({ ...fileDraft(4), request: requestId(7) });
  const found = version(fileDraft(5, { found: true }));
  const rows: [string, Version, Version, boolean][] = [
    ['the version it started from', one, two, true],
    ['the version that followed', two, one, false],
    ['itself', one, one, false],
    ['a version made beside it', one, version(fileDraft(2)), false],
    ['one made later on top of what followed', one, version(fileDraft(9), [two]), true],
    ['the twin that a replay made, once that was changed', again, version(fileDraft(9), [asked]), true],
    ['the twin that a replay made', again, asked, false],
    ['found content under a version that has it', found, version(fileDraft(5)), true],
    ['found content under a tombstone that buried it', found, version(graveDraft(5)), true],
    ['found content under other content', found, version(fileDraft(6)), false],
    ['found content under the same found elsewhere', found, version(fileDraft(5, { found: true })), false],
    ['content that was not found, under the same content', version(fileDraft(5)), version(fileDraft(5)), false],
  ];
  it.each(rows)('%s: %#', (_, a, b, expected) => {
    expect(isBefore(a, b)).toBe(expected);
  });

  it('a tombstone buries the earlier contents too that are known, for who finds one of them without its descent', () => {
    const edited = version(fileDraft(6), [one]);
    const beside = version(fileDraft(7));
    const grave = makeVersion(graveDraft(6), [edited], { writer: writerId(9), counter: 1 }, [one, edited, beside]);
    const first = one.kind === 'file' ? one.hash : undefined;
    expect(grave.kind === 'tombstone' && grave.buried).toEqual([edited.kind === 'file' && edited.hash, first]);
    expect(isBefore(version(fileDraft(1, { found: true })), grave)).toBe(true);
    expect(isBefore(version(fileDraft(7, { found: true })), grave)).toBe(false);
  });

  it('is never true both ways, whatever the vectors claim', () => {
    const entry = fc.record({ writer: fc.nat(3).map(writerId), counter: fc.integer({ min: 1, max: 4 }) });
    const claimed = fc
      .tuple(entry, fc.array(entry, { maxLength: 4 }), fc.nat(2), fc.array(fc.nat(2), { maxLength: 2 }), fc.boolean(), fc.nat(2))
      .map(([own, others, request, inherited, isFound, content]) => ({
        ...version(fileDraft(content, { found: isFound }), [], own),
        vector: [...others, own],
        request: requestId(request),
        inherited: inherited.map(requestId),
      }));
    fc.assert(
      fc.property(claimed, claimed, (a, b) => !(isBefore(a, b) && isBefore(b, a))),
      { numRuns: 2000 },
    );
  });

  it('holds from every base to what was made of it', () => {
    fc.assert(
      fc.property(history, (versions) => {
        const base = undominated(versions);
        const next = makeVersion(fileDraft(99), base, { writer: writerId(999), counter: 1 }, versions);
        for (const one of base) expect(isBefore(one, next)).toBe(true);
        expect(undominated([...base, next])).toEqual([next]);
      }),
    );
  });
});

describe('isReplaced', () => {
  it('tells by its key alone that a version has left the indexes, and says nothing of one beside what is known', () => {
    const one = version(fileDraft(1));
    const later = version(graveDraft(1), [version(fileDraft(2), [one])]);
    expect(isReplaced(versionKey(one), [version(fileDraft(3)), later])).toBe(true);
    expect(isReplaced(versionKey(later), [one])).toBe(false);
    expect(isReplaced(versionKey(version(fileDraft(4))), [one, later])).toBe(false);
    expect(isReplaced(versionKey(one), [])).toBe(false);
  });
});

describe('undominated', () => {
  it('is the same set for any order and any repetition', () => {
    const shuffled = history.chain((versions) =>
      fc.tuple(fc.constant(versions), fc.shuffledSubarray([...versions, ...versions], { minLength: versions.length * 2 })),
    );
    fc.assert(
      fc.property(shuffled, ([versions, mixed]) => {
        const keys = (list: Version[]) => undominated(list).map(versionKey).sort();
        expect(keys(mixed)).toEqual(keys(versions));
      }),
    );
  });

  it('of honest versions is never empty, and none of it is before another of it', () => {
    fc.assert(
      fc.property(history, (versions) => {
        const kept = undominated(versions);
        expect(kept.length).toBeGreaterThan(0);
        for (const a of kept) for (const b of kept) expect(isBefore(a, b)).toBe(false);
      }),
    );
  });

  it('leaves out nothing that no other version replaces', () => {
    fc.assert(
      fc.property(history, (versions) => {
        const kept = undominated(versions);
        for (const one of versions) {
          const isKept = kept.some((other) => isSameVersion(other, one));
          expect(isKept).toBe(!versions.some((other) => isBefore(one, other)));
        }
      }),
    );
  });
});

describe('makeVersion', () => {
  it('keeps at most VECTOR_ENTRIES_MAX entries, its own last, and never drops one that is a known version’s own', () => {
    const first = version(fileDraft(0), [], { writer: writerId(1), counter: 1 });
    let newest: Version = first;
    for (let step = 2; step <= VECTOR_ENTRIES_MAX + 20; step++) {
      newest = makeVersion(fileDraft(step), [newest], { writer: writerId(step), counter: step }, [first, newest]);
    }
    expect(newest.vector).toHaveLength(VECTOR_ENTRIES_MAX);
    expect(newest.vector.at(-1)).toEqual(newest.own);
    expect(covers(newest.vector, first.own)).toBe(true);
    expect(isBefore(first, newest)).toBe(true);
  });

  it('never has more entries than others take: of too many bases the first are covered, and the rest stay beside it', () => {
    const base = Array.from({ length: VECTOR_ENTRIES_LIMIT + 50 }, (_, content) => version(fileDraft(content)));
    const next = makeVersion(fileDraft(999), base, { writer: writerId(1), counter: 7 }, base);
    expect(next.vector).toHaveLength(VECTOR_ENTRIES_LIMIT);
    expect(next.vector.at(-1)).toEqual(next.own);
    const covered = base.map((one) => isBefore(one, next));
    expect(covered).toEqual(base.map((_, at) => at < VECTOR_ENTRIES_LIMIT - 1));
    // Asked for once more, that is the end of them.
    const left = undominated([...base, next]);
    expect(left).toHaveLength(52);
    expect(undominated([...left, makeVersion(graveDraft(999), left, { writer: writerId(1), counter: 8 }, left)])).toHaveLength(1);
  });

  it('keeps what the one before it covered, but for as many as it has no entry for', () => {
    const old = Array.from({ length: VECTOR_ENTRIES_LIMIT - 1 }, (_, content) => version(fileDraft(content)));
    const first = makeVersion(fileDraft(998), old, { writer: writerId(1), counter: 7 }, old);
    const next = makeVersion(fileDraft(999), [first], { writer: writerId(2), counter: 1 }, [...old, first]);
    expect(next.vector).toHaveLength(VECTOR_ENTRIES_LIMIT);
    // The one before it is gone then: what it covered is not to come back.
    expect(undominated([...old, next])).toHaveLength(2);
  });

  it('inherits the last request ids, the newest first', () => {
    let newest = version({ ...fileDraft(0), request: requestId(0) });
    for (let step = 1; step <= INHERITED_REQUESTS_MAX + 5; step++) {
      newest = version({ ...fileDraft(step), request: requestId(step) }, [newest]);
    }
    const expected = Array.from({ length: INHERITED_REQUESTS_MAX }, (_, index) => requestId(INHERITED_REQUESTS_MAX + 4 - index));
    expect(newest.inherited).toEqual(expected);
  });

  it('joins all its bases', () => {
    const [a, b] = [version(fileDraft(1)), version(fileDraft(2))];
    const joined = version(graveDraft(1, 2), [a, b]);
    expect(undominated([a, joined, b])).toEqual([joined]);
  });
});

describe('mayWrite', () => {
  const writer = writerId(1);
  const mine = version(fileDraft(1), [], { writer, counter: 5 });
  const followed = version(fileDraft(2), [mine]);
  const forged = { ...followed, vector: [...followed.vector.filter((one) => one.writer !== writer), { writer, counter: 1e15 }] };
  it.each([
    ['a name where this writer never was', [], [], true],
    ['on top of its newest entry', [mine], [mine], true],
    ['on top of what followed its newest entry', [followed], [mine, followed], true],
    ['beside its newest entry', [], [mine], false],
    ['beside its entry, known only from what followed', [], [followed], false],
    ['on top of an entry of it that it never gave out', [forged], [mine, forged], false],
  ])('%s', (_, base, known, expected) => {
    expect(mayWrite({ writer, counter: 6 }, base, known)).toBe(expected);
  });

  it('keeps apart what did not descend: a version of other origin is not covered by a larger counter', () => {
    const beside = version({ ...fileDraft(3), origin: peerId(2) }, [], { writer: writerId(77), counter: 6 });
    expect(isBefore(mine, beside) || isBefore(beside, mine)).toBe(false);
  });
});
