import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { MeshError } from '../../src/core/errors.ts';
import { maskOf, rangeOfRun } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Striped } from '../../src/folder/folder.ts';
import { Manifests } from '../../src/folder/manifests.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import type { Hasher } from '../../src/platform/hasher.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { FolderBench, hashOf, LOW, path, request } from './folder-bench.ts';

const TEXT = Buffer.from(noise(1_400_000)).toString('latin1');
const CONTENT = Buffer.from(TEXT);
const MANIFEST = encodeManifest(chunkContent(CONTENT, (chunk) => blake3(chunk)));
const FILM = path('film');

describe('runs that lie here', () => {
  let bench: FolderBench;
  let version: FileVersion;
  let striped: Striped;
  /** Files open now, and how often one was opened. */
  let open: Set<object>;
  beforeEach(async () => {
    bench = new FolderBench('runs hazards');
    await bench.start();
    version = bench.foreign('film', TEXT);
    striped = await bench.folder.runs.striped(version, MANIFEST);
    open = new Set();
  });
  afterEach(() => bench.end());

  /** From now on: which files are open. */
  function watchOpen(): void {
    const { disk } = bench.platform;
    const plain = disk.open.bind(disk);
    disk.open = async (place) => {
      const file = await plain(place);
      open.add(file);
      const close = file.close.bind(file);
      file.close = () => {
        open.delete(file);
        return close();
      };
      return file;
    };
  }
  const keep = async (...runs: number[]) => {
    for (const run of runs) {
      const { offset, length } = rangeOfRun(striped.ends, run);
      const staging = await bench.folder.stage(`run-${run}`, length);
      await staging.write(0, CONTENT.subarray(offset, offset + length));
      await bench.folder.runs.keep(FILM, version, striped, run, staging);
    }
  };
  const told = (name = 'film') => bench.ledger.own(path(name)).map(({ holding }) => holding);
  const file = (run: number) => `.filemesh/runs/${hashOf(TEXT)}-0${run}`;

  it('are not opened again by a read that goes on after its reader was closed', async () => {
    await keep(0, 1, 2);
    watchOpen();
    const copy = bench.folder.runs.open(FILM, hashOf(TEXT));
    const reading = copy.read(rangeOfRun(striped.ends, 1).offset - 1_000, 2_000).catch(() => undefined);
    await copy.close();
    await reading;
    await expect(copy.read(0, 10)).rejects.toMatchObject({ code: 'gone' });
    expect(open.size).toBe(0);
  });

  it('are looked at once, however many reads find one missing', async () => {
    await keep(0, 1, 2);
    bench.drive.userDelete(file(1));
    let looked = 0;
    const { hasher } = bench.platform;
    const plain = hasher.hashPieces.bind(hasher);
    hasher.hashPieces = (...asked) => {
      looked += 1;
      return plain(...asked);
    };
    const copy = bench.folder.runs.open(FILM, hashOf(TEXT));
    const { offset } = rangeOfRun(striped.ends, 1);
    const reads = Array.from({ length: 10 }, (_, index) => copy.read(offset + index, 1).catch(() => undefined));
    await Promise.all(reads);
    await bench.pass(1_000);
    await copy.close();
    expect(told()).toEqual([{ mask: maskOf([0, 2]) }]);
    expect(looked).toBe(2);
  });

  it('are read again now and then, and told as not held when they rotted', async () => {
    await keep(0, 1);
    bench.drive.rot(file(1));
    // Of few files each is read within a quarter of a day.
    await bench.pass(7 * 3_600_000);
    expect(told()).toEqual([{ mask: maskOf([0]) }]);
  });

  it('are told as not held when the disk cannot read them, and are when it could not once', async () => {
    await keep(0, 1);
    const { disk } = bench.platform;
    const plain = disk.open.bind(disk);
    let failures = 1;
    disk.open = async (place) => {
      const opened = await plain(place);
      const read = opened.read.bind(opened);
      if (place === file(1)) opened.read = (...asked) => (failures-- > 0 ? Promise.reject(new Error('EIO')) : read(...asked));
      return opened;
    };
    await expect(bench.folder.verify(FILM, hashOf(TEXT))).rejects.toThrow('EIO');
    expect(told()).toEqual([{ mask: maskOf([0, 1]) }]);
    failures = Number.POSITIVE_INFINITY;
    expect(await bench.folder.verify(FILM, hashOf(TEXT))).toBe(false);
    expect(told()).toEqual([{ mask: maskOf([0]) }]);
  });

  it.each(['open', 'read'] as const)(
    'are told as not held once somebody asks for one that the disk does not %s',
    async (what) => {
      await keep(0, 1);
      const { disk } = bench.platform;
      const plain = disk.open.bind(disk);
      disk.open = async (place) => {
        if (place !== file(1)) return await plain(place);
        const fault = new MeshError('failed', `cannot ${what} it: the disk says EIO`);
        if (what === 'open') throw fault;
        const opened = await plain(place);
        opened.read = () => Promise.reject(fault);
        return opened;
      };
      const copy = bench.folder.runs.open(FILM, hashOf(TEXT));
      await expect(copy.read(rangeOfRun(striped.ends, 1).offset, 10)).rejects.toMatchObject({ code: 'failed' });
      await copy.close();
      await bench.pass(1_000);
      expect(told()).toEqual([{ mask: maskOf([0]) }]);
    },
  );

  it('lie on in the trash, wrong ones, while nobody has right ones', async () => {
    await keep(0, 1);
    bench.drive.rot(file(1));
    expect(await bench.folder.verify(FILM, hashOf(TEXT))).toBe(false);
    bench.others.announce(LOW, FILM, version, { mask: maskOf([0, 2]) });
    await bench.days(31);
    expect(bench.private('trash')).toHaveLength(1);
    expect(bench.folder.state().notKept).toEqual([{ path: FILM, reason: expect.stringContaining('wrong bytes') }]);
    bench.others.announce(LOW, FILM, version, { mask: maskOf([1]) });
    await bench.days(1);
    expect(bench.private('trash')).toEqual([]);
    expect(bench.folder.state().notKept).toEqual([]);
    expect(await bench.rows('l')).toBe(0);
  });

  it('are not told of for long when they went away while no name held them', async () => {
    await keep(0, 1);
    await bench.folder.letGo(FILM, hashOf(TEXT), bench.foreignTombstone('film', [version]));
    bench.drive.userDelete(file(1));
    await bench.folder.runs.adopt(path('again'), bench.foreign('again', TEXT));
    await bench.folder.scan();
    expect(told('again')).toEqual([{ mask: maskOf([0]) }]);
  });

  it('that are lost are told so under a name that came while they were looked at', async () => {
    await keep(0, 1);
    const other = bench.foreign('again', TEXT);
    bench.drive.userDelete(file(1));
    await Promise.all([bench.folder.runs.adopt(path('again'), other), bench.folder.runs.lose(hashOf(TEXT), [1])]);
    expect([told('film'), told('again')]).toEqual([[{ mask: maskOf([0]) }], [{ mask: maskOf([0]) }]]);
  });

  it('stay held for a second name while the first is buried', async () => {
    const other = bench.foreign('again', TEXT);
    // As the catalog does: changes of other paths are planned before one is told durable.
    const change = bench.ledger.change.bind(bench.ledger);
    bench.ledger.change = async (...asked) => {
      const changed = await change(...asked);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      return changed;
    };
    const { disk } = bench.platform;
    const move = disk.move.bind(disk);
    const begun: Promise<unknown>[] = [];
    disk.move = (from, to) => {
      begun.push(bench.folder.make(request('1'), [{ kind: 'bury', path: FILM, base: [version] }]));
      begun.push(bench.folder.runs.adopt(path('again'), other));
      return move(from, to);
    };
    await keep(0);
    expect(begun).toHaveLength(2);
    await Promise.all(begun);
    const held = bench.folder.runs.heldFor(path('again'), hashOf(TEXT));
    expect([told('again'), held?.mask, held?.paths]).toEqual([[{ mask: maskOf([0]) }], maskOf([0]), ['again']]);
  });
});

describe('the manifest of a content that lies here whole', () => {
  it('is made once for all who ask for it at a time', async () => {
    const bench = new FolderBench('asked by many');
    bench.write('film', TEXT);
    await bench.start();
    await bench.settle();
    const rows = await bench.platform.store.range({ from: 'f/m/', to: 'f/m0', limit: 10 });
    await bench.platform.store.batch(rows.map(({ key }) => ({ key, value: undefined })));
    await bench.restart();
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    let looked = 0;
    hasher.digest = (...asked) => {
      looked += 1;
      return digest(...asked);
    };
    const asked = Array.from({ length: 5 }, () => bench.folder.chunks.manifest(FILM, hashOf(TEXT)));
    const manifests = await Promise.all(asked);
    expect(manifests.every((one) => Buffer.compare(one, manifests[0] as Uint8Array) === 0)).toBe(true);
    expect(looked).toBe(1);
    await bench.end();
  });

  it('is had however large it is', async () => {
    const rows = new Uint8Array(5 * 1024 * 1024);
    const plain = { digest: async () => ({ hash: hashOf('large'), size: 1, manifest: { scheme: 1, hash: hashOf('') }, rows }) };
    const kept = new Manifests(plain as unknown as Hasher);
    await kept.digest({} as OpenFile);
    expect(kept.of(hashOf('large'))).toBe(rows);
  });
});
