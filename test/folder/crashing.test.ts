import { describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { Disk } from '../../src/platform/disk.ts';
import { stories } from './crashing-stories.ts';
import { FolderBench } from './folder-bench.ts';

/** Events an act may take: beyond, it hangs. */
const EVENTS_MAX = 2_000;

const ENDS = (['kill', 'power loss'] as const).flatMap((how) => [
  { how, staged: 'in memory', config: {} },
  { how, staged: 'on the disk', config: { smallBytesMax: 0 } },
]);

describe.each(ENDS)('a $how at any moment, small contents staged $staged', ({ how, config }) => {
  it.each(stories)('of $name', async ({ prepare, check }) => {
    let reached = 0;
    for (let events = 0; ; events++) {
      const bench = new FolderBench(`crash1/${events}`, config);
      await bench.start();
      const act = await prepare(bench);
      const { scheduler } = bench.world;
      const from = scheduler.eventCount;
      let isDone = false;
      act().then(
        () => {
          isDone = true;
        },
        (thrown: unknown) => scheduler.fail(thrown),
      );
      await scheduler.runUntil(() => isDone || scheduler.eventCount >= from + events, 60_000);
      const wasDone = isDone;
      if (how === 'kill') bench.node.kill();
      else bench.node.powerLoss('journal');
      await bench.start();
      await bench.settle();
      await bench.folder.scan();
      await bench.settle();
      try {
        check(bench, wasDone);
        expect(await bench.rows('i')).toBe(0);
        expect(bench.private('stage').filter((name) => !/\/s\d+$/.test(name))).toEqual([]);
      } catch (thrown) {
        throw new Error(`after ${events} events, ${bench.drive.userList({ withPrivate: true }).join()}: ${String(thrown)}`, {
          cause: thrown,
        });
      }
      await bench.end();
      if (wasDone) break;
      reached = events;
      if (events > EVENTS_MAX) throw new Error('the act never ends');
    }
    expect(reached).toBeGreaterThan(3);
  });
});

describe('a store that breaks at any batch,', () => {
  /** From the batch of that number on it takes nothing. Of that one nobody knows: it is there, or not. */
  function breakStore(bench: FolderBench, from: number, isThere: boolean): () => number {
    const { store } = bench.platform;
    const batch = store.batch.bind(store);
    let batches = 0;
    store.batch = async (writes) => {
      batches += 1;
      if (batches < from) return await batch(writes);
      if (batches === from && isThere) await batch(writes);
      throw new MeshError('failed', 'the thread of the store broke');
    };
    return () => batches;
  }

  describe.each([true, false])('which is written: %s', (isThere) => {
    it.each(stories)('in $name', async ({ prepare, check }) => {
      for (let from = 1; ; from++) {
        const bench = new FolderBench(`broken store/${from}`, { smallBytesMax: from % 2 === 0 ? 0 : 1_024 });
        await bench.start();
        const act = await prepare(bench);
        const batches = breakStore(bench, from, isThere);
        const isDone = await act().then(
          () => batches() < from,
          () => false,
        );
        // Whatever is tried again meanwhile.
        await bench.pass(70_000);
        bench.node.kill();
        await bench.start();
        await bench.settle();
        await bench.folder.scan();
        await bench.settle();
        try {
          check(bench, isDone);
          expect(await bench.rows('i')).toBe(0);
        } catch (thrown) {
          throw new Error(`broken at batch ${from}: ${String(thrown)}`, { cause: thrown });
        }
        await bench.end();
        if (isDone) break;
      }
    });
  });
});

it('what an unfinished act set aside is kept while a full disk keeps it unfinished', async () => {
  const story = stories.find(
    ({ name }) => name === 'a current sibling taking the name of one that is kept until its successor can be had',
  );
  if (story === undefined) throw new Error('no such story');
  let stuck = 0;
  for (let events = 0, isDone = false; !isDone; events++) {
    const bench = new FolderBench(`full/${events}`);
    await bench.start();
    const act = await story.prepare(bench);
    const { scheduler } = bench.world;
    const from = scheduler.eventCount;
    act().then(
      () => {
        isDone = true;
      },
      (thrown: unknown) => scheduler.fail(thrown),
    );
    await scheduler.runUntil(() => isDone || scheduler.eventCount >= from + events, 60_000);
    bench.node.kill();
    await withoutRoomAtStart(bench);
    if (bench.read('a') === undefined) stuck += 1;
    await bench.settle();
    await bench.folder.scan();
    await bench.settle();
    story.check(bench, isDone);
    await bench.end();
  }
  expect(stuck).toBeGreaterThan(0);
});

/** Starts the program while the disk takes no new name; then it does again. */
async function withoutRoomAtStart(bench: FolderBench): Promise<void> {
  const start = bench.node.start.bind(bench.node);
  let commit: Disk['commit'] | undefined;
  bench.node.start = () => {
    const platform = start();
    commit = platform.disk.commit.bind(platform.disk);
    platform.disk.commit = () => Promise.reject(new MeshError('full', 'no room'));
    return platform;
  };
  await bench.boot();
  await bench.folder.scan().catch(() => {});
  if (commit !== undefined) bench.platform.disk.commit = commit;
  bench.node.start = start;
}
