import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderBench, hashOf, path } from './folder-bench.ts';

const HOUR_MS = 3_600_000;

describe('what nobody goes on with', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  it('gives the room of an abandoned staging back, without a restart', async () => {
    const staging = await bench.folder.stage('upload-1', 1_000_000);
    await staging.write(0, new Uint8Array(10));
    expect(bench.folder.state()).toMatchObject({ incomingFiles: 1, incomingBytes: 1_000_000 });
    await bench.pass(2 * HOUR_MS);
    expect(bench.folder.state()).toMatchObject({ incomingFiles: 0, incomingBytes: 0 });
    await expect(staging.write(10, new Uint8Array(10))).rejects.toMatchObject({ code: 'gone' });
    // Its bytes wait on the disk for a day: whoever comes back goes on with them.
    expect(bench.private('stage')).toHaveLength(1);
    const again = await bench.folder.stage('upload-1', 1_000_000);
    expect(again.have).toBeLessThanOrEqual(10);
    await again.discard();
    expect(bench.private('stage')).toEqual([]);
  });

  it('removes an abandoned staging after a day, without a restart', async () => {
    await bench.staged('text', 'upload-1');
    await bench.pass(27 * HOUR_MS);
    expect(bench.private('stage')).toEqual([]);
    expect(await bench.rows('s')).toBe(0);
  });

  it('lets go of nothing that is current again when its turn comes', async () => {
    bench.write('a', 'text');
    await bench.settle();
    const held = bench.held('a');
    const tombstone = bench.foreignTombstone('a', [held]);
    // Made by a client in the moment between the decision and the act.
    await bench.folder.make('1'.repeat(32) as never, [await bench.put('a', 'text', [tombstone])]);
    await bench.folder.letGo(path('a'), hashOf('text'), tombstone);
    expect(bench.read('a')).toBe('text');
    expect(bench.folder.holds(path('a'), hashOf('text'))).toBe(true);
  });
});
