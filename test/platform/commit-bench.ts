import type { CommitIntent } from '../../src/platform/disk.ts';
import { ASIDE, type DiskBench, stageContent, walked } from './disk-bench.ts';

/** More steps than any side's commit has: a loop over them ends at the first step that does not exist. */
export const STEPS_MAX = 40;
export const aside = `${ASIDE}/1`;

/** `old` lies at folder/f, `new!` is staged; the intent that replaces one by the other. */
export async function replacement(bench: DiskBench): Promise<CommitIntent & { staged: string }> {
  await bench.person.write('folder/f', 'old');
  const replaces = await bench.disk.stat('folder/f');
  if (replaces === undefined) throw new Error('the person wrote nothing');
  return { path: 'folder/f', staged: await stageContent(bench.disk, 's', 'new!'), aside, replaces };
}

/** Empties the folder between the rounds of one test. */
export async function clean(bench: DiskBench): Promise<void> {
  for (const path of await walked(bench.disk)) await bench.person.remove(path);
  for (const room of ['stage', 'aside']) {
    for (const { name } of await bench.disk.list(room)) await bench.disk.remove(`.filemesh/${room}/${name}`);
  }
}
