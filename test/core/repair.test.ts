import { describe, expect, it } from 'vitest';
import type { ContentHash, FilePath, PeerId, WriterId } from '../../src/core/ids.ts';
import { type Holding, viewOf } from '../../src/core/namespace.ts';
import { dutyOf, type Standing, shortageOf } from '../../src/core/repair.ts';
import { makeVersion, type Version } from '../../src/core/version.ts';

const PATH = 'a.txt' as FilePath;
const peer = (digit: string) => digit.repeat(64) as PeerId;
const [A, B, C] = [peer('a'), peer('b'), peer('c')];
const hash = (digit: string) => digit.repeat(64) as ContentHash;
let counter = 0;

function file(content: string, base: Version[] = [], origin: PeerId = A): Version {
  const own = { writer: 'f'.repeat(16) as WriterId, counter: ++counter };
  const draft = { kind: 'file', hash: hash(content), size: 1, mode: 0o644, origin, modifiedMs: 0, found: false } as const;
  return makeVersion({ ...draft, manifest: { scheme: 1, hash: hash(content) } }, base, own, []);
}

function tombstone(base: Version[], renamedTo?: FilePath): Version {
  const own = { writer: 'e'.repeat(16) as WriterId, counter: ++counter };
  const buried = base.flatMap((version) => (version.kind === 'file' ? [version.hash] : []));
  return makeVersion({ kind: 'tombstone', buried, origin: A, modifiedMs: 0, ...(renamedTo ? { renamedTo } : {}) }, base, own, []);
}

const view = (...records: [PeerId, Version, Holding][]) =>
  viewOf(
    PATH,
    records.map(([id, version, holding]) => ({ peer: id, version, holding })),
  );
const duty = (version: Version, holding: Holding, seen: ReturnType<typeof view>, copies = 0) =>
  dutyOf({ path: PATH, version, holding }, seen, () => copies, 2);

describe('what a holder owes', () => {
  const first = file('1');
  const second = file('2', [first]);

  it('keeps what is current', () => {
    expect(duty(first, 'all', view([A, first, 'all']))).toEqual({ kind: 'keep' });
  });

  it('keeps the old content until enough live peers have its successor', () => {
    const seen = view([A, first, 'all'], [B, second, 'all']);
    expect(duty(first, 'all', seen, 1)).toEqual({ kind: 'keep' });
    expect(duty(first, 'all', seen, 2)).toEqual({ kind: 'let-go', by: second });
  });

  it('obeys a tombstone at once', () => {
    const buried = tombstone([first]);
    expect(duty(first, 'all', view([A, first, 'all'], [B, buried, 'none']))).toEqual({ kind: 'let-go', by: buried });
  });

  it('keeps renamed bytes under the new name first', () => {
    const buried = tombstone([first], 'b.txt' as FilePath);
    const owed = duty(first, 'all', view([A, first, 'all'], [B, buried, 'none']));
    expect(owed).toEqual({ kind: 'let-go', by: buried, renamedTo: 'b.txt' });
  });

  it('adopts the version that ended a conflict with the content it holds', () => {
    const rival = file('3', [], B);
    const kept = file('1', [first, rival]);
    expect(duty(first, 'all', view([A, first, 'all'], [B, rival, 'all'], [C, kept, 'all']))).toEqual({
      kind: 'adopt',
      version: kept,
    });
  });

  it('does not obey a tombstone that an edit survived before the edit has its copies', () => {
    const buried = tombstone([first]);
    const edit = file('2', [first]);
    const seen = view([A, first, 'all'], [B, buried, 'none'], [C, edit, 'all']);
    expect(duty(first, 'all', seen, 1)).toEqual({ kind: 'keep' });
  });

  it('carries the tombstone of what it once held', () => {
    const buried = tombstone([first]);
    expect(duty(first, 'none', view([A, first, 'none'], [B, buried, 'none']))).toEqual({ kind: 'carry', by: buried });
  });
});

describe('what an owner must see to', () => {
  const content = view([A, file('1'), 'all']).contents[0];
  const standing = (of: Record<string, Standing>) => (id: PeerId) => of[id] ?? 'gone';

  it.each([
    ['a live holder of two wanted', { [A]: 'live' }, 1, false],
    ['an absent holder still counts', { [A]: 'away' }, 1, false],
    ['a holder gone for long does not', {}, 2, false],
  ] as [string, Record<string, Standing>, number, boolean][])('%s', (_what, of, missing, canWait) => {
    expect(content).toBeDefined();
    if (content === undefined) return;
    expect(shortageOf(content, 2, standing(of))).toMatchObject({ missing, canWait });
  });

  it('can wait while two copies are left', () => {
    const version = file('1');
    const [three] = view([A, version, 'all'], [B, version, 'all'], [C, version, 'all']).contents;
    if (three === undefined) throw new Error('no content');
    expect(shortageOf(three, 3, standing({ [A]: 'live', [B]: 'away' }))).toMatchObject({ missing: 1, canWait: true });
    expect(shortageOf(three, 3, standing({ [A]: 'live' }))).toMatchObject({ missing: 2, canWait: false });
    expect(shortageOf(three, 4, standing({ [A]: 'live', [B]: 'live', [C]: 'away' }))).toMatchObject({
      missing: 1,
      canWait: false,
    });
  });
});
