import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Range } from '../../src/core/range.ts';
import { maskOf, rangeOfRun } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Striped } from '../../src/folder/folder.ts';
import { Serving } from '../../src/replication/serving.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Link } from '../../src/wire/link.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { FolderBench, HIGH, hashOf, LOW, path } from '../folder/folder-bench.ts';
import { noise } from '../platform/hasher-acceptance.ts';

const TEXT = Buffer.from(noise(2_000_000)).toString('latin1');
const CONTENT = Buffer.from(TEXT);
const ROWS = chunkContent(CONTENT, (chunk) => blake3(chunk));
const MANIFEST = encodeManifest(ROWS);
/** As long as the right one, and cut in another way. */
const WRONG = encodeManifest([...ROWS].reverse());
const FILM = path('film');

/** Runs 0 and 2 lie here; another peer has the odd ones. */
describe('a peer that has some runs of a striped content', () => {
  let bench: FolderBench;
  let striped: Striped;
  let serving: Serving;
  /** What each link gives for the manifest. */
  let manifests: Map<PeerId, Uint8Array>;
  let opened: number;
  beforeEach(async () => {
    bench = new FolderBench('serving');
    await bench.start();
    const version: FileVersion = bench.foreign('film', TEXT);
    const { folder, platform } = bench;
    striped = await folder.runs.striped(version, MANIFEST);
    for (const run of [0, 2]) {
      const bytes = bytesIn(rangeOfRun(striped.ends, run));
      const staging = await folder.stage(`run-${run}`, bytes.length);
      await staging.write(0, bytes);
      await folder.runs.keep(FILM, version, striped, run, staging);
    }
    opened = 0;
    const open = folder.runs.open.bind(folder.runs);
    folder.runs.open = (...asked) => {
      opened += 1;
      return open(...asked);
    };
    manifests = new Map([[LOW, MANIFEST]]);
    const parts = new Map<PeerId, string>([
      [bench.self, maskOf([0, 2])],
      [LOW, maskOf([1, 3])],
      [HIGH, maskOf([1, 3])],
    ]);
    const shown = version;
    const content = { hash: hashOf(TEXT), size: CONTENT.length, shown, versions: [version], holders: [], parts };
    const catalog = { self: bench.self, onPaths: () => {}, view: () => ({ contents: [content] }) } as unknown as Catalog;
    const switchboard = { limits: {}, link: linkTo } as unknown as Switchboard;
    serving = new Serving({ clock: platform.clock, log: platform.log, catalog, folder, switchboard });
  });
  afterEach(async () => {
    serving.close();
    await bench.end();
  });

  const bytesIn = ({ offset, length }: Range) => CONTENT.subarray(offset, offset + length);
  const isOdd = (offset: number, end: number) =>
    [1, 3].some((run) => {
      const range = rangeOfRun(striped.ends, run);
      return offset >= range.offset && end <= range.offset + range.length;
    });
  function linkTo(peer: PeerId): Link | undefined {
    const manifest = manifests.get(peer);
    if (manifest === undefined) return undefined;
    const call = async (name: string, ask: Ask<'read'>) => {
      if (name === 'manifest') return { reply: { size: manifest.length }, tail: manifest };
      if (!isOdd(ask.offset, ask.offset + ask.length)) throw new MeshError('gone', 'that run is not held here');
      return { reply: { size: CONTENT.length }, tail: bytesIn(ask) };
    };
    return { peer, call } as unknown as Link;
  }
  const read = async (range: Range, relay: boolean) => {
    const answer = await serving.read({ path: FILM, hash: hashOf(TEXT), ...range, relay });
    return Buffer.from('tail' in answer ? answer.tail : []);
  };
  const over = (run: number): Range => ({ offset: rangeOfRun(striped.ends, run).offset - 1_000, length: 2_000 });

  it('relays a read that goes over the end of a run of its own into one of another', async () => {
    for (const run of [1, 2, 3]) expect(Buffer.compare(await read(over(run), true), bytesIn(over(run)))).toBe(0);
  });

  it('goes on with what it has open while others ask for what it has not', async () => {
    const own = { offset: 10, length: 1_000 };
    await read(own, false);
    for (const run of [1, 2]) await expect(read(over(run), false)).rejects.toMatchObject({ code: 'gone' });
    expect(Buffer.compare(await read(own, false), bytesIn(own))).toBe(0);
    expect(opened).toBe(1);
  });

  it('is not led astray by who gives a wrong manifest', async () => {
    manifests = new Map([
      [LOW, WRONG],
      [HIGH, MANIFEST],
    ]);
    await bench.folder.runs.letGo(FILM, hashOf(TEXT));
    for (const run of [1, 3]) {
      const range = rangeOfRun(striped.ends, run);
      const end = { offset: range.offset + range.length - 1_000, length: 1_000 };
      expect(Buffer.compare(await read(end, true), bytesIn(end))).toBe(0);
    }
  });
});
