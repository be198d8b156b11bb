import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { maskOf } from '../../src/core/striping.ts';
import { type FileVersion, versionKey } from '../../src/core/version.ts';
import { CutShort } from '../../src/replication/cut-short.ts';
import { TakingRuns } from '../../src/replication/taking-runs.ts';
import type { Ask } from '../../src/wire/calls.ts';
import { Gate } from '../../src/wire/gate.ts';
import type { Link } from '../../src/wire/link.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { FolderBench, HIGH, hashOf, LOW, path } from '../folder/folder-bench.ts';
import { noise } from '../platform/hasher-acceptance.ts';

const TEXT = Buffer.from(noise(700_000)).toString('latin1');
const CONTENT = Buffer.from(TEXT);
const ROWS = chunkContent(CONTENT, (chunk) => blake3(chunk));
const MANIFEST = encodeManifest(ROWS);
const FILM = path('film');

/** Two others have all of it. */
describe('taking runs', () => {
  let bench: FolderBench;
  let version: FileVersion;
  let taking: TakingRuns;
  let manifests: Map<PeerId, Uint8Array>;
  let lie: PeerId | undefined;
  let calls: { peer: PeerId; name: string; length: number }[];
  beforeEach(async () => {
    bench = new FolderBench('taking runs', { smallBytesMax: 0, chunkedBytesMin: 100_000 });
    lie = undefined;
    calls = [];
    await bench.start();
    version = bench.foreign('film', TEXT);
    manifests = new Map([
      [LOW, MANIFEST],
      [HIGH, MANIFEST],
    ]);
    const content = { hash: version.hash, size: version.size, shown: version, versions: [version], holders: [LOW, HIGH] };
    const catalog = { self: bench.self, view: () => ({ contents: [content] }), onPaths() {} } as unknown as Catalog;
    const { clock, log } = bench.platform;
    const links = new Map([LOW, HIGH].map((peer) => [peer, linkTo(peer)]));
    const switchboard = { limits: {}, link: (peer: PeerId) => links.get(peer) } as unknown as Switchboard;
    const cutShort = new CutShort({ catalog, log });
    taking = new TakingRuns({ clock, catalog, folder: bench.folder, switchboard }, new Gate(4, 10), cutShort);
  });
  afterEach(() => bench.end());

  function linkTo(peer: PeerId): Link {
    const call = async (name: string, ask: Ask<'read'>) => {
      if (name === 'manifest') return { reply: { size: MANIFEST.length }, tail: manifests.get(peer) };
      calls.push({ peer, name, length: ask.length });
      const tail = Uint8Array.prototype.slice.call(CONTENT, ask.offset, ask.offset + ask.length);
      if (peer === lie) tail.fill(7, 1_000, 1_010);
      return { reply: { size: CONTENT.length }, tail };
    };
    return { peer, open: true, call } as unknown as Link;
  }
  const take = (...runs: number[]) => {
    const ask = {
      path: FILM,
      hash: hashOf(TEXT),
      version: versionKey(version),
      size: version.size,
      holders: [],
      runs: maskOf(runs),
    };
    return taking.take(ask, version);
  };
  const told = () => bench.ledger.own(FILM).map(({ holding }) => holding);

  it('goes on to the next holder when one gives a manifest of another content', async () => {
    manifests.set(LOW, encodeManifest([...ROWS].reverse()));
    await take(0, 1);
    expect(told()).toEqual([{ mask: maskOf([0, 1]) }]);
  });

  it.each([LOW, HIGH])('a holder that lies (%s) costs the chunks it gave wrong, and is told to look', async (liar) => {
    lie = liar;
    await take(0, 1);
    expect(told()).toEqual([{ mask: maskOf([0, 1]) }]);
    expect(await bench.folder.verify(FILM, hashOf(TEXT))).toBe(true);
    const looked = calls.filter(({ name }) => name === 'verify').map(({ peer }) => peer);
    expect([...new Set(looked)]).toEqual([liar]);
    const read = calls.filter(({ name }) => name === 'read').reduce((sum, { length }) => sum + length, 0);
    // Two of four runs, and once more what was wrong.
    expect(read).toBeGreaterThan(0.56 * CONTENT.length);
    expect(read).toBeLessThan(0.85 * CONTENT.length);
  });

  it('takes no notice of runs that the content has not', async () => {
    await take(1, 60, 63);
    expect(told()).toEqual([{ mask: maskOf([1]) }]);
  });

  it.each(['', 'x', 'xy'])('takes the runs of a content of %j', async (text) => {
    version = bench.foreign('film', text, [version]);
    const manifest = encodeManifest(chunkContent(Buffer.from(text), (chunk) => blake3(chunk)));
    const { hash, size } = version;
    const content = { hash, size, shown: version, versions: [version], holders: [LOW] };
    const catalog = { self: bench.self, view: () => ({ contents: [content] }), onPaths() {} } as unknown as Catalog;
    const call = async (name: string, ask: Ask<'read'>) => {
      if (name === 'manifest') return { reply: { size: manifest.length }, tail: manifest };
      return { reply: { size }, tail: Buffer.from(text).subarray(ask.offset, ask.offset + ask.length) };
    };
    const link = () => ({ peer: LOW, open: true, call }) as unknown as Link;
    const switchboard = { limits: {}, link } as unknown as Switchboard;
    const { clock, log } = bench.platform;
    const cutShort = new CutShort({ catalog, log });
    const small = new TakingRuns({ clock, catalog, folder: bench.folder, switchboard }, new Gate(4, 10), cutShort);
    await small.take({ path: FILM, hash, version: versionKey(version), size, holders: [], runs: 'f'.repeat(16) }, version);
    expect(told()).toEqual([{ mask: maskOf(size < 2 ? [0] : [0, 1]) }]);
    expect(await bench.folder.verify(FILM, hash)).toBe(true);
  });
});
