import { describe, expect, it } from 'vitest';
import { asPacked, bytesOf, packVersion, unpackVersion } from '../../src/catalog/packed-version.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { FileVersion, Version } from '../../src/core/version.ts';
import type { NewFileAct } from '../../src/folder/act.ts';
import { decodeHeld, encodeHeld } from '../../src/folder/held-row.ts';
import { actWrite, decodeIntent, together } from '../../src/folder/told-together.ts';
import { contentHash, fileDraft, version } from '../core/histories.ts';

const path = 'folder/ü 1.bin' as FilePath;
const hash = contentHash(7);
const stat = { size: 4096, mtimeMs: 1.7e12 + 0.123, ctimeMs: 1.7e12 + 0.5, inode: 2 ** 40 + 1, mode: 0o644 };
const one = version(fileDraft(7)) as FileVersion;
const ledger = {
  versions: {
    pack: (_: FilePath, given: Version) => bytesOf(packVersion(given)),
    unpack: (bytes: Uint8Array) => unpackVersion(asPacked(bytes)),
  },
};

describe('the row of a copy', () => {
  const versions = [ledger.versions.pack(path, one)];

  it.each([
    ['in its place', path],
    ['as a sibling', '.filemesh/siblings/ab'],
  ])('keeps one that lies %s', (_, disk) => {
    const { versions: kept, ...copy } = decodeHeld(`f/h/12/${hash}`, encodeHeld({ path, disk, stat, versions }));
    expect(copy).toEqual({ path, hash, disk, stat });
    expect(kept.map((bytes) => ledger.versions.unpack(bytes))).toEqual([one]);
  });
});

describe('the row of acts that are told together', () => {
  const acts = Array.from({ length: 40 }, (_, index): NewFileAct => {
    const at = `folder/${index}` as FilePath;
    return {
      id: `id${index}`,
      moves: [
        {
          kind: 'commit',
          intent: { path: at, staged: `.filemesh/stage/${index}`, aside: `.filemesh/versions/${index}` },
          replaced: [],
        },
      ],
      effects: [{ kind: 'hold', placed: { path: at, hash, disk: at }, versions: [one] }],
    };
  });

  it('keeps them, some in each row', () => {
    const rows = together(acts, ledger);
    expect(rows.length).toBeGreaterThan(1);
    const told = rows.map(({ value }) => decodeIntent(value, ledger));
    expect(told.every(({ phase }) => phase === 'acting together')).toBe(true);
    expect(told.flatMap((row) => (row as { acts: readonly NewFileAct[] }).acts)).toEqual(acts);
  });

  it('is told from the row of one act', () => {
    const act = acts[0] as NewFileAct;
    expect(decodeIntent(actWrite(act).value as Uint8Array, ledger)).toEqual({ phase: 'acting', act });
  });
});
