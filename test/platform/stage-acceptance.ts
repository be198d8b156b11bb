import { expect, it } from 'vitest';
import type { FileStat } from '../../src/platform/disk.ts';
import { bytes, contentOf, type DiskBench, isSameStat, STAGE } from './disk-bench.ts';

/** What every Disk does with files on their way in. */
export function stageAcceptance(current: () => DiskBench): void {
  it('stages writes at any offset and keeps what was synced over a restart', async () => {
    const staged = await current().disk.stage('s');
    await staged.write(5, bytes('world'));
    await staged.write(0, bytes('hello'));
    await staged.sync();
    await staged.close();
    await current().restart();
    expect(await contentOf(current().disk, staged.path)).toBe('helloworld');
    const again = await current().disk.stage('s');
    expect(again.path).toBe(staged.path);
    await again.write(5, bytes('W'));
    await again.truncate(6);
    await again.sync();
    await again.close();
    expect(await contentOf(current().disk, staged.path)).toBe('helloW');
  });

  it('gives a staged file its mode and mtime, to the ms', async () => {
    const { disk } = current();
    const staged = await disk.stage('s');
    await staged.write(0, bytes('x'));
    await staged.finish(0o604, 1_234_567_890_123);
    await staged.close();
    const stat = await disk.stat(staged.path);
    expect((stat?.mode ?? 0) & 0o777).toBe(0o604);
    expect(Math.round(stat?.mtimeMs ?? 0)).toBe(1_234_567_890_123);
  });

  it('stages a small file at once, with its mode and time, under a name that is new', async () => {
    const { disk } = current();
    const memory = bytes('--whole--');
    const stat = await disk.stageWhole({ name: 'w', bytes: memory.subarray(2, 7), mode: 0o604, mtimeMs: 1_234_567_890_123 });
    expect(stat).toMatchObject({ size: 5, mode: 0o604 });
    // Node 24 gives the system more than µs.
    expect(Math.round(stat.mtimeMs)).toBe(1_234_567_890_123);
    await current().restart();
    expect(await contentOf(current().disk, `${STAGE}/w`)).toBe('whole');
    expect(isSameStat((await current().disk.stat(`${STAGE}/w`)) as FileStat, stat)).toBe(true);
    const again = current().disk.stageWhole({ name: 'w', bytes: bytes('other'), mode: 0o600, mtimeMs: 1 });
    await expect(again).rejects.toMatchObject({ code: 'bad-place' });
    expect(await contentOf(current().disk, `${STAGE}/w`)).toBe('whole');
  });

  it('stages and puts in place many small files at once, each its own', async () => {
    const { disk, person } = current();
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    const outcomes = await Promise.all(
      names.map(async (name) => {
        await disk.stageWhole({ name, bytes: bytes(name), mode: 0o644, mtimeMs: 1_000 });
        return disk.commit({ path: `made/${name}`, staged: `${STAGE}/${name}`, aside: `.filemesh/versions/${name}` });
      }),
    );
    expect(outcomes.map(({ result }) => result)).toEqual(names.map(() => 'done'));
    for (const name of names) expect(await person.read(`made/${name}`)).toBe(name);
    expect(await disk.list('stage')).toEqual([]);
  });

  it('extends a staged file with zeros', async () => {
    const staged = await current().disk.stage('s');
    await staged.truncate(3);
    await staged.close();
    expect(await contentOf(current().disk, staged.path)).toBe('\0\0\0');
  });
}
