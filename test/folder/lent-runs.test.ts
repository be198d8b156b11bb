import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rangeOfRun, runsIn } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Striped } from '../../src/folder/folder.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';
import { edited, longText, MIB, manifestOf } from './long-texts.ts';

const OLD = longText(3 * MIB);
const NEXT = edited(OLD, 2 * MIB, 'X');

describe('runs that are made of what lies here in another content', () => {
  let bench: FolderBench;
  let version: FileVersion;
  let striped: Striped;
  /** Files of the folder that are open. */
  let open: number;
  /** Called before each read of a file, with its number. */
  let beforeRead: ((count: number) => void) | undefined;
  let reads: number;
  beforeEach(async () => {
    bench = new FolderBench('lent runs');
    await bench.start();
    bench.write('film', OLD);
    bench.drive.userSync();
    await bench.settle();
    version = bench.foreign('cut', NEXT);
    striped = await bench.folder.runs.striped(version, manifestOf(NEXT));
    [open, reads, beforeRead] = [0, 0, undefined];
    const { disk } = bench.platform;
    const openFile = disk.open.bind(disk);
    disk.open = async (place) => watched(await openFile(place), place);
  });
  afterEach(() => bench.end());

  function watched(file: OpenFile, place: string): OpenFile {
    if (place !== 'film') return file;
    open += 1;
    const [read, close] = [file.read.bind(file), file.close.bind(file)];
    file.read = (...asked) => {
      beforeRead?.(reads++);
      return read(...asked);
    };
    file.close = () => {
      open -= 1;
      return close();
    };
    return file;
  }

  const lying = () => runsIn(bench.folder.runs.lying(version.hash, version.manifest.hash));
  const all = () => [...striped.ends.keys()];
  const isSame = (run: number) => {
    const { offset, length } = rangeOfRun(striped.ends, run);
    return OLD.slice(offset, offset + length) === NEXT.slice(offset, offset + length);
  };
  const isNothingLeft = () => {
    expect([bench.private('stage'), open]).toEqual([[], 0]);
    expect(bench.folder.state()).toMatchObject({ incomingBytes: 0, incomingFiles: 0 });
  };

  it('are all those that have nothing new, right and durable, and nothing is left open or staged', async () => {
    await bench.folder.lentRuns.make(striped);
    expect(lying()).toEqual(all().filter(isSame));
    expect(lying().length).toBeGreaterThan(8);
    expect(lying().length).toBeLessThan(all().length);
    isNothingLeft();
    await bench.restart();
    for (const run of lying()) {
      const { offset, length } = rangeOfRun(striped.ends, run);
      const name = `.filemesh/runs/${hashOf(NEXT)}-${run.toString().padStart(2, '0')}`;
      expect(bench.read(name)).toBe(NEXT.slice(offset, offset + length));
    }
    expect(await bench.folder.runs.adopt(path('cut'), version)).toBe(true);
    expect(await bench.folder.verify(path('cut'), version.hash)).toBe(true);
  });

  it('are not made anew where they lie already', async () => {
    await bench.folder.lentRuns.make(striped);
    const before = lying();
    reads = 0;
    await bench.folder.lentRuns.make(striped);
    expect([lying(), reads]).toEqual([before, 0]);
  });

  it('are none of those whose bytes changed while they were copied', async () => {
    beforeRead = (count) => {
      if (count === 3) bench.write('film', OLD.toUpperCase());
    };
    await bench.folder.lentRuns.make(striped);
    expect(reads).toBeGreaterThan(3);
    expect(lying().length).toBeGreaterThan(0);
    expect(lying().length).toBeLessThan(5);
    isNothingLeft();
    expect(await bench.folder.runs.adopt(path('cut'), version)).toBe(true);
    expect(await bench.folder.verify(path('cut'), version.hash)).toBe(true);
  });

  it('are none of those whose bytes rotted, which nothing but their hashes tells', async () => {
    bench.drive.rot('film');
    await bench.folder.lentRuns.make(striped);
    expect([lying().length > 0, lying().length < 5]).toEqual([true, true]);
    for (const run of lying()) {
      const { offset, length } = rangeOfRun(striped.ends, run);
      const name = `.filemesh/runs/${hashOf(NEXT)}-${run.toString().padStart(2, '0')}`;
      expect(bench.read(name)).toBe(NEXT.slice(offset, offset + length));
    }
    isNothingLeft();
  });

  it('are none when the content went before it was opened, or goes while it is copied', async () => {
    bench.drive.userDelete('film');
    await bench.folder.lentRuns.make(striped);
    expect([lying(), reads]).toEqual([[], 0]);
    isNothingLeft();
    bench.drive.userWrite('film', bytes(OLD));
    await bench.settle();
    await bench.settle();
    beforeRead = (count) => {
      if (count === 3) bench.drive.userDelete('film');
    };
    await bench.folder.lentRuns.make(striped);
    isNothingLeft();
    expect(lying().length).toBeGreaterThan(0);
    expect(await bench.folder.runs.adopt(path('cut'), version)).toBe(true);
    expect(await bench.folder.verify(path('cut'), version.hash)).toBe(true);
  });

  it('are as many as can be made while the client waits', async () => {
    beforeRead = (count) => {
      // The disk is slow from here on.
      if (count === 2) bench.platform.clock.now = () => Number.MAX_SAFE_INTEGER;
    };
    await bench.folder.lentRuns.make(striped);
    expect(lying().length).toBeGreaterThan(0);
    expect(lying().length).toBeLessThan(5);
  });
});
