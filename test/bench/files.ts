import { execFile } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Nothing here may stand still for seconds: a signal is to find this process at once, to end all it has started.
const run = promisify(execFile);

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
export async function makeLargeFile(file: string, bytes: number): Promise<void> {
  // A cipher over zeros makes them several times faster than the source of randomness itself.
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(PIECE_BYTES);
  const handle = await open(file, 'w');
  for (let left = bytes; left > 0; left -= PIECE_BYTES) {
    await handle.write(cipher.update(zeros.subarray(0, Math.min(left, PIECE_BYTES))));
  }
  await handle.sync();
  await handle.close();
}

/** Puts a large file into a folder at once, from a place beside it that nobody watches. */
export async function dropLargeFile(place: string, file: string, bytes: number): Promise<void> {
  const made = join(place, 'made.bin');
  await makeLargeFile(made, bytes);
  await rename(made, file);
}

/** Throws unless both files, or all below both folders, have equal bytes. */
export async function assertEqual(one: string, other: string): Promise<void> {
  await run('diff', ['-rq', one, other]);
}

/** Takes a file out of the page cache. */
export async function forget(file: string): Promise<void> {
  await run('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Waits until all that is written lies on disk: what is left to write would be written on the clock. */
export async function syncAll(): Promise<void> {
  await run('sync', []);
}
