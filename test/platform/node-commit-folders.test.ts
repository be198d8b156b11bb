import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aside, clean, replacement } from './commit-bench.ts';
import { ASIDE, contentOf, walked } from './disk-bench.ts';
import { NodeBench } from './node-bench.ts';

/** A look and the five steps of a commit that replaces a file. */
const STEPS = 6;

describe('a commit, and what people do with its folder meanwhile', () => {
  let bench: NodeBench;
  const at = (path: string) => join(bench.root, path);
  beforeEach(async () => {
    bench = await NodeBench.make();
    await bench.disk.prepare(new Uint8Array([1]));
    mkdirSync(at(ASIDE), { recursive: true });
  });
  afterEach(() => bench.dispose());

  /** Before that step, once: a commit that begins anew goes through its steps again. */
  function disturb(step: number, act: () => void): void {
    let isDone = false;
    bench.beforeSteps(async (each) => {
      if (each !== step || isDone) return;
      isDone = true;
      act();
    });
  }

  // Elsewhere than on Linux a folder that is held is found by its name only.
  it.runIf(process.platform === 'linux')('goes with a folder that is renamed: the file lies under one name only', async () => {
    for (let step = 0; step < STEPS; step++) {
      const intent = await replacement(bench);
      disturb(step, () => renameSync(at('folder'), at('moved')));
      expect(await bench.disk.commit(intent)).toMatchObject({ result: 'done', stat: { size: 4 } });
      bench.beforeSteps(undefined);
      expect(await walked(bench.disk)).toEqual(['moved/f']);
      expect(await contentOf(bench.disk, 'moved/f')).toBe('new!');
      expect(await contentOf(bench.disk, aside)).toBe('old');
      rmSync(at('moved'), { recursive: true });
      await clean(bench);
    }
  });

  it('puts the file in its folder once more when that was removed before it could be told', async () => {
    for (const step of [1, 2, 3]) {
      const intent = await replacement(bench);
      disturb(step, () => rmSync(at('folder'), { recursive: true }));
      expect(await bench.disk.commit(intent)).toMatchObject({ result: 'done' });
      bench.beforeSteps(undefined);
      expect(await contentOf(bench.disk, 'folder/f')).toBe('new!');
      expect(await contentOf(bench.disk, aside)).toBe('old');
      await clean(bench);
    }
  });

  it('is given up when a file takes the place of the folder, and what was set aside stays there', async () => {
    const intent = await replacement(bench);
    disturb(1, () => {
      rmSync(at('folder'), { recursive: true });
      writeFileSync(at('folder'), 'a file now');
    });
    expect(await bench.disk.commit(intent)).toEqual({ result: 'taken' });
    bench.beforeSteps(undefined);
    expect(await contentOf(bench.disk, intent.staged)).toBe('new!');
    expect(await contentOf(bench.disk, aside)).toBe('old');
    await bench.person.write(aside, 'edited late');
    const { staged: _, ...burial } = intent;
    for (const each of [intent, burial]) {
      expect(await bench.disk.commit(each)).toEqual({ result: 'changed', asideKept: true });
      expect(await contentOf(bench.disk, aside)).toBe('edited late');
    }
    expect(await contentOf(bench.disk, 'folder')).toBe('a file now');
  });

  it('is refused as ever when its folder never was one', async () => {
    const { staged } = await replacement(bench);
    await bench.person.write('file', 'text');
    const commit = bench.disk.commit({ path: 'file/f', staged, aside });
    await expect(commit).rejects.toMatchObject({ code: 'bad-place' });
  });
});
