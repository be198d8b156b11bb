import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The `age` of this system, another program of the same format. */
export const hasAge = spawnSync('age', ['--version']).status === 0;
if (!hasAge) console.warn('age is not installed here: nothing shows that it opens what filemesh seals, and the other way round');

/** What `age -d` makes of a file; undefined: it does not open it. */
export function ageOpens(folder: string, sealed: Uint8Array, identity: string): Buffer | undefined {
  const key = join(folder, 'key.txt');
  writeFileSync(key, `${identity}\n`);
  const { status, stdout } = spawnSync('age', ['-d', '-i', key], { input: sealed, maxBuffer: 256 * 1024 * 1024 });
  return status === 0 ? stdout : undefined;
}

export function ageSeals(plain: Uint8Array, recipient: string): Buffer {
  const { status, stdout, stderr } = spawnSync('age', ['-r', recipient], { input: plain, maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error(`age: ${stderr.toString()}`);
  return stdout;
}
