import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { isGone } from './is-gone.ts';

/** What a lock is held for takes milliseconds: whoever waits longer is told. Range 2,000–60,000. */
const WAIT_MS_MAX = 10_000;
/** A try costs two calls of the system. Range 5–100. */
const PAUSE_MS = 20;

/**
 * Carries out `act` while no other process that asks for the lock of that file does: what is read in it, changed and written back
 * loses nothing that another one writes. A lock whose process died is taken over. Rejects with `busy` when it stays another's.
 */
export async function withFileLock<T>(file: string, act: () => Promise<T>, waitMs = WAIT_MS_MAX): Promise<T> {
  const lock = `${file}.lock`;
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
  const mine = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}\n`;
  const deadline = performance.now() + waitMs;
  while (!(await isTaken(lock, mine))) {
    await removeDead(lock);
    if (performance.now() > deadline) throw new MeshError('busy', heldWords(file, lock));
    await sleep(PAUSE_MS * (0.5 + Math.random()));
  }
  try {
    return await act();
  } finally {
    await rm(lock, { force: true });
  }
}

/** True when the lock was free, and has `words` now. */
async function isTaken(lock: string, words: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(lock, 'wx', 0o600);
  } catch (error) {
    if (isHeld(error)) return false;
    throw error;
  }
  try {
    await handle.writeFile(words);
  } catch (error) {
    // As on a full disk: nobody could tell whose it is.
    await rm(lock, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return true;
}

/** On Windows a file that is about to go, or is read, cannot be made or removed for that moment. */
function isHeld(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'EEXIST' || (process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes(code));
}

/**
 * Removes the lock of a process of this machine that died. Only who has the lock of that does so, and looks again then: else one of
 * two would remove what the other has just taken.
 */
async function removeDead(lock: string): Promise<void> {
  if (!isDead(await wordsIn(lock))) return;
  const turn = `${lock}.dead`;
  if (!(await isTaken(turn, ''))) return;
  try {
    if (isDead(await wordsIn(lock))) await rm(lock, { force: true });
  } catch (error) {
    if (!isHeld(error)) throw error;
  } finally {
    await rm(turn, { force: true });
  }
}

/** Empty: there is none any more, or it is being written. */
async function wordsIn(lock: string): Promise<string> {
  return await readFile(lock, 'utf8').catch(() => '');
}

function isDead(words: string): boolean {
  const [, pid, host] = /^(\d+) (\S+) \S+\n$/.exec(words) ?? [];
  return pid !== undefined && host === hostname() && isGone(Number(pid));
}

function heldWords(file: string, lock: string): string {
  return [
    `another filemesh changes ${quote(file)} and does not end: try again. If none runs any more, as after a power cut, remove`,
    `${quote(lock)}, and ${quote(`${lock}.dead`)} if it is there`,
  ].join(' ');
}
