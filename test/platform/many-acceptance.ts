import { describe, expect, it } from 'vitest';
import type { ActFault, CommitOutcome, FileStat, NewFileIntent, WholeFile } from '../../src/platform/disk.ts';
import { bytes, Crash, contentOf, type DiskBench, isSameStat, STAGE, text, walked } from './disk-bench.ts';

const COUNT = 40;
const names = Array.from({ length: COUNT }, (_, index) => `n${index}`);
const pathOf = (name: string) => `d${name.length}/e/${name}`;
const intentOf = (name: string): NewFileIntent => ({
  path: pathOf(name),
  staged: `${STAGE}/${name}`,
  aside: `.filemesh/versions/${name}`,
});
const wholeOf = (name: string) => ({ name, bytes: bytes(`content of ${name}`), mode: 0o604, mtimeMs: 1_234_567_890_123 });
const resultOf = (outcome: CommitOutcome | ActFault | undefined) =>
  outcome === undefined ? undefined : 'result' in outcome ? outcome.result : outcome.code;

/** What every Disk does with many small files at once. */
export function manyAcceptance(current: () => DiskBench): void {
  describe('many at once', () => {
    it('are staged, put in place with parents made, and read back after a restart', async () => {
      const staged = await current().disk.stageMany(names.map(wholeOf));
      expect(staged).toHaveLength(COUNT);
      expect(staged[3]).toMatchObject({ size: 'content of n3'.length, mode: 0o604 });
      const outcomes = await current().disk.commitMany(names.map(intentOf));
      expect(outcomes.map(resultOf)).toEqual(names.map(() => 'done'));
      expect(await current().disk.list('stage')).toEqual([]);
      await current().restart();
      const stats = await current().disk.statMany(names.map(pathOf));
      const read = (await current().disk.readMany(names.map(pathOf), { sync: false })) as WholeFile[];
      for (const [index, name] of names.entries()) {
        const outcome = outcomes[index] as CommitOutcome & { stat: FileStat };
        expect(isSameStat(stats[index] as FileStat, outcome.stat)).toBe(true);
        expect(isSameStat(read[index]?.stat, outcome.stat) && isSameStat(read[index]?.after, outcome.stat)).toBe(true);
        expect(text(read[index]?.bytes ?? new Uint8Array())).toBe(`content of ${name}`);
      }
    });

    it('are durable with their names when they are read for that', async () => {
      for (const name of names) await current().person.write(pathOf(name), name);
      await current().disk.readMany(names.map(pathOf), { sync: true });
      await current().restart();
      for (const name of names) expect(await contentOf(current().disk, pathOf(name))).toBe(name);
    });

    it('tell each its own trouble, and do the others', async () => {
      const { disk, person } = current();
      await person.write('d2/e/n1', 'there before');
      await person.makeFolder('d2/e/n2');
      await disk.stageWhole(wholeOf('n3'));
      const staged = await disk.stageMany(['n1', 'n2', 'n3', 'n4'].map(wholeOf));
      expect(staged.map((one) => ('code' in one ? one.code : 'staged'))).toEqual(['staged', 'staged', 'bad-place', 'staged']);
      const outcomes = await disk.commitMany(['n1', 'n2', 'n4', 'n5'].map(intentOf));
      expect(outcomes.map(resultOf)).toEqual(['changed', 'bad-place', 'done', 'changed']);
      expect(await person.read('d2/e/n1')).toBe('there before');
      expect(await contentOf(disk, `${STAGE}/n1`)).toBe('content of n1');
      const read = await disk.readMany(['d2/e/n4', 'd2/e/n5', 'd2/e/n2', 'nowhere/n'], { sync: true });
      expect(read.map((one) => ('code' in one ? one.code : text(one.bytes)))).toEqual(['content of n4', 'gone', 'gone', 'gone']);
      const stats = await disk.statMany(['d2/e/n4', 'd2/e/n5', 'd2/e/n2', 'nowhere/n']);
      expect(stats.map((one) => one !== undefined && 'size' in one)).toEqual([true, false, false, false]);
    });

    it('are too large to be read beyond the limit', async () => {
      const { disk, person } = current();
      await person.write('large', 'x'.repeat(256 * 1024 + 1));
      await person.write('small', 'x'.repeat(256 * 1024));
      const read = await disk.readMany(['large', 'small'], { sync: false });
      expect(read.map((one) => ('code' in one ? one.code : one.bytes.length))).toEqual(['changed', 256 * 1024]);
    });

    it('are finished one by one after a crash before any step', async () => {
      const some = names.slice(0, 3);
      for (let crashAt = 0; ; crashAt++) {
        for (const name of some) await current().person.remove(pathOf(name));
        await current().disk.stageMany(some.map((name) => ({ ...wholeOf(name), name: `${name}-${crashAt}` })));
        const intents = some.map((name) => ({ ...intentOf(name), staged: `${STAGE}/${name}-${crashAt}` }));
        let steps = 0;
        current().beforeSteps(async () => {
          if (steps++ >= crashAt) throw new Crash();
        });
        await current()
          .disk.commitMany(intents)
          .catch(() => undefined);
        current().beforeSteps(undefined);
        await current().restart();
        for (const intent of intents) expect((await current().disk.commit(intent)).result).toBe('done');
        for (const name of some) expect(await contentOf(current().disk, pathOf(name))).toBe(`content of ${name}`);
        expect(await current().disk.list('stage')).toEqual([]);
        if (steps <= crashAt) break;
      }
    });

    it.each(Array.from({ length: 12 }, (_, at) => at))('never take a save that comes before step %i', async (at) => {
      const some = names.slice(0, 4);
      await current().disk.stageMany(some.map(wholeOf));
      let steps = 0;
      current().beforeSteps(async () => {
        if (steps++ === at) await current().person.save(pathOf('n2'), 'saved');
      });
      const outcomes = await current().disk.commitMany(some.map(intentOf));
      current().beforeSteps(undefined);
      for (const name of ['n0', 'n1', 'n3']) expect(await contentOf(current().disk, pathOf(name))).toBe(`content of ${name}`);
      expect(await walked(current().disk)).toHaveLength(some.length);
      if (steps <= at) return;
      expect(await current().person.read(pathOf('n2'))).toBe('saved');
      // What is told as ours is never the stat of what a person put there.
      const ours = outcomes[2];
      const there = await current().disk.stat(pathOf('n2'));
      if (ours !== undefined && 'stat' in ours) expect(isSameStat(ours.stat, there)).toBe(false);
    });
  });
}
