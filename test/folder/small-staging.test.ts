import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SmallStaging } from '../../src/folder/small-staging.ts';
import { bytes, FolderBench, hashOf } from './folder-bench.ts';

const HOUR_MS = 3_600_000;

describe('a small file on its way in', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  const stage = async () => (await bench.folder.stage('one', 3)) as SmallStaging;

  it('takes nothing more once it was hashed', async () => {
    const staging = await stage();
    await staging.write(0, bytes('one'));
    expect((await staging.digest()).hash).toBe(hashOf('one'));
    await expect(staging.write(0, bytes('two'))).rejects.toMatchObject({ code: 'failed' });
    expect((await staging.digest()).hash).toBe(hashOf('one'));
  });

  it('that is put on the disk while the stage is looked through is not taken for a stray one', async () => {
    const { disk, clock } = bench.platform;
    const [list, stageWhole] = [disk.list.bind(disk), disk.stageWhole.bind(disk)];
    let keeping: Promise<unknown> | undefined;
    disk.list = async (room) => {
      if (room === 'stage' && keeping === undefined) {
        await new Promise<void>((resolve) => {
          disk.stageWhole = async (whole) => {
            const stat = await stageWhole(whole);
            resolve();
            await new Promise<void>((after) => clock.after(50, after));
            return stat;
          };
          keeping = bench.keep('a', bench.foreign('a', 'one'), 'one');
        });
      }
      return list(room);
    };
    await bench.pass(HOUR_MS);
    await bench.folder.scan();
    await bench.pass(1_000);
    expect(keeping).toBeDefined();
    await keeping;
    expect(bench.read('a')).toBe('one');
  });

  it('that a crash left on the disk is gone after the next start', async () => {
    const staging = await stage();
    await staging.write(0, bytes('one'));
    await staging.finish(0o644, 1_000);
    expect(bench.private('stage')).toHaveLength(1);
    await bench.restart();
    expect(bench.private('stage')).toEqual([]);
  });
});
