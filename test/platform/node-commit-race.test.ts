import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { CommitOutcome, Disk } from '../../src/platform/disk.ts';
import { ASIDE, bytes, stageContent } from './disk-bench.ts';
import { NodeBench } from './node-bench.ts';

const ROUNDS = 60;

/** Commits to `f` as long as `goesOn`, each replacing what a stat just told, as a replica's newer versions would. */
async function commitOnAndOn(disk: Disk, round: number, goesOn: () => boolean): Promise<CommitOutcome['result'][]> {
  const results: CommitOutcome['result'][] = [];
  for (let turn = 0; goesOn(); turn++) {
    const name = `${round}-${turn}`;
    const replaces = await disk.stat('f');
    const staged = await stageContent(disk, name, `ours ${name}`);
    const aside = `${ASIDE}/${name}`;
    const outcome = await disk.commit(
      replaces === undefined ? { path: 'f', staged, aside } : { path: 'f', staged, aside, replaces },
    );
    results.push(outcome.result);
    if (outcome.result !== 'done') await disk.remove(staged);
  }
  return results;
}

it.each(['save', 'write'] as const)('loses no save of a program that saves by %s while commits replace the file', async (how) => {
  const bench = await NodeBench.make();
  await bench.disk.prepare(bytes('marker'));
  await bench.person.write('f', 'at first');
  const file = new URL('./commit-writer.mjs', import.meta.url);
  const writer = new Worker(file, { workerData: { path: join(bench.root, 'f'), how } });
  const results: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let saving = true;
    const saved = once(writer, 'message').then(([content]) => {
      saving = false;
      return content as string;
    });
    writer.postMessage({ round, saves: 20 });
    results.push(...(await commitOnAndOn(bench.disk, round, () => saving)));
    // The last save of a round was overwritten by nobody but a commit: it must lie at its place or aside.
    expect(contentsBelow(bench.root)).toContain(await saved);
  }
  await writer.terminate();
  expect(results).toContain('done');
  expect(results).toContain('changed');
  await bench.dispose();
});

function contentsBelow(root: string): string[] {
  const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8');
  const asides = join(root, ASIDE);
  const there = readdirSync(root).filter((name) => name === 'f');
  return [...there.map((name) => read(root, name)), ...readdirSync(asides).map((name) => read(asides, name))];
}
