import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { maskOf } from '../../src/core/striping.ts';
import { type FileVersion, versionKey } from '../../src/core/version.ts';
import { Gate } from '../../src/replication/gate.ts';
import { TakingRuns } from '../../src/replication/taking-runs.ts';
import type { Ask } from '../../src/wire/calls.ts';
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
  beforeEach(async () => {
    bench = new FolderBench('taking runs');
    await bench.start();
    version = bench.foreign('film', TEXT);
    manifests = new Map([
      [LOW, MANIFEST],
      [HIGH, MANIFEST],
    ]);
    const content = { hash: version.hash, size: version.size, shown: version, versions: [version], holders: [LOW, HIGH] };
    const catalog = { self: bench.self, view: () => ({ contents: [content] }) } as unknown as Catalog;
    const { clock } = bench.platform;
    const switchboard = { limits: {}, link: linkTo } as unknown as Switchboard;
    taking = new TakingRuns({ clock, catalog, folder: bench.folder, switchboard }, new Gate(4, 10));
  });
  afterEach(() => bench.end());

  function linkTo(peer: PeerId): Link {
    const call = async (name: string, ask: Ask<'read'>) => {
      if (name === 'manifest') return { reply: { size: MANIFEST.length }, tail: manifests.get(peer) };
      return { reply: { size: CONTENT.length }, tail: CONTENT.subarray(ask.offset, ask.offset + ask.length) };
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

  it('takes no notice of runs that the content has not', async () => {
    await take(1, 60, 63);
    expect(told()).toEqual([{ mask: maskOf([1]) }]);
  });

  it.each(['', 'x', 'xy'])('takes the runs of a content of %j', async (text) => {
    version = bench.foreign('film', text, [version]);
    const manifest = encodeManifest(chunkContent(Buffer.from(text), (chunk) => blake3(chunk)));
    const { hash, size } = version;
    const content = { hash, size, shown: version, versions: [version], holders: [LOW] };
    const catalog = { self: bench.self, view: () => ({ contents: [content] }) } as unknown as Catalog;
    const call = async (name: string, ask: Ask<'read'>) => {
      if (name === 'manifest') return { reply: { size: manifest.length }, tail: manifest };
      return { reply: { size }, tail: Buffer.from(text).subarray(ask.offset, ask.offset + ask.length) };
    };
    const link = () => ({ peer: LOW, open: true, call }) as unknown as Link;
    const switchboard = { limits: {}, link } as unknown as Switchboard;
    const small = new TakingRuns({ clock: bench.platform.clock, catalog, folder: bench.folder, switchboard }, new Gate(4, 10));
    await small.take({ path: FILM, hash, version: versionKey(version), size, holders: [], runs: 'f'.repeat(16) }, version);
    expect(told()).toEqual([{ mask: maskOf(size < 2 ? [0] : [0, 1]) }]);
    expect(await bench.folder.verify(FILM, hash)).toBe(true);
  });
});
