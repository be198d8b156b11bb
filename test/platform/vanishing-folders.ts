import { expect, it } from 'vitest';
import { aside, clean, replacement, STEPS_MAX } from './commit-bench.ts';
import { ASIDE, Crash, contentOf, type DiskBench } from './disk-bench.ts';

/** Commits whose folder goes as soon as it is empty, as whoever empties one removes it. */
export function vanishingFolders(current: () => DiskBench): void {
  it('sets many files aside at once from a folder that goes as soon as it is empty', async () => {
    for (let round = 0; round < 5; round++) {
      const { disk, person } = current();
      const names = Array.from({ length: 24 }, (_, index) => `${round}-${index}`);
      for (const name of names) await person.write(`d/e/${name}`, name);
      const outcomes = names.map(async (name) => {
        const path = `d/e/${name}`;
        const replaces = await disk.stat(path);
        if (replaces === undefined) throw new Error('the person wrote nothing');
        const outcome = await disk.commit({ path, aside: `${ASIDE}/${name}`, replaces });
        await disk.removeEmptyFolders(path);
        return outcome;
      });
      for (const outcome of await Promise.all(outcomes)) expect(outcome).toEqual({ result: 'done' });
      for (const name of names) expect(await contentOf(disk, `${ASIDE}/${name}`)).toBe(name);
    }
  });

  it('is done when the folder goes before any step, or after a crash before it', async () => {
    for (const crash of [false, true]) {
      for (let goesAt = 0; goesAt < STEPS_MAX; goesAt++) {
        await clean(current());
        const { staged: _, ...intent } = await replacement(current());
        current().beforeSteps(async (step) => {
          if (step !== goesAt) return;
          if (crash) throw new Crash();
          await current().disk.removeEmptyFolders(intent.path);
        });
        const first = await current()
          .disk.commit(intent)
          .catch((thrown: unknown) => {
            if (!(thrown instanceof Crash)) throw thrown;
          });
        current().beforeSteps(undefined);
        await current().restart();
        await current().disk.removeEmptyFolders(intent.path);
        expect(first ?? { result: 'done' }).toEqual({ result: 'done' });
        expect(await current().disk.commit(intent)).toEqual({ result: 'done' });
        expect(await contentOf(current().disk, aside)).toBe('old');
        if (crash ? first !== undefined : goesAt > 6) break;
      }
    }
  });

  it('gives an edited file back to its folder, also when that is gone', async () => {
    const { staged: _, ...intent } = await replacement(current());
    await current().disk.commit(intent);
    await current().person.write(aside, 'edited late');
    await current().disk.removeEmptyFolders(intent.path);
    expect(await current().disk.commit(intent)).toEqual({ result: 'changed', asideKept: false });
    expect(await contentOf(current().disk, intent.path)).toBe('edited late');
    expect(await contentOf(current().disk, aside)).toBeUndefined();
  });
}
