import { spawnSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FILES_PER_FOLDER = 1000;
const PIECE_BYTES = 4 * 2 ** 20;

/** Puts so many files of so many random bytes each below `folder`, a thousand to a directory; their paths, `/`-separated. */
export function makeFiles(folder: string, count: number, bytes: number): string[] {
  const paths: string[] = [];
  for (let index = 0; index < count; index++) {
    const directory = `folder-${String(Math.floor(index / FILES_PER_FOLDER)).padStart(3, '0')}`;
    if (index % FILES_PER_FOLDER === 0) mkdirSync(join(folder, directory), { recursive: true });
    const path = `${directory}/file-${String(index).padStart(6, '0')}.dat`;
    writeFileSync(join(folder, path), randomBytes(bytes));
    paths.push(path);
  }
  return paths;
}

/** Writes one large file of random bytes, synced: what is measured is not its way to the disk. */
export function makeLargeFile(file: string, bytes: number): void {
  // A cipher over zeros makes them several times faster than the source of randomness itself.
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(PIECE_BYTES);
  const descriptor = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= PIECE_BYTES) {
    writeSync(descriptor, cipher.update(zeros.subarray(0, Math.min(left, PIECE_BYTES))));
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Throws unless both files, or all below both folders, have equal bytes. */
export function assertEqual(one: string, other: string): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-rq', one, other], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`not the same bytes: ${(stdout + stderr).trim().slice(0, 500)}`);
}

/** Takes a file out of the page cache. */
export function forget(file: string): void {
  spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
}
