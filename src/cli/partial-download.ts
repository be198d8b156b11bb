import { createHash, randomBytes } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ContentHash } from '../core/ids.ts';
import { DOWNLOAD_PREFIX } from '../core/path.ts';
import { isGone } from './is-gone.ts';

/** What nobody came back for is removed by the next download into the same folder. */
const STALE_MS = 30 * 24 * 3_600_000;
/** Less than this comes again sooner than anybody looks for it. In bytes. */
export const LEFT_BYTES_MIN = 1024 * 1024;
const DIGITS = 16;
const PARTIAL = new RegExp(`^\\${DOWNLOAD_PREFIX}([0-9a-f]{${DIGITS}})(?:-([0-9a-f]{8})([0-9a-f]{8}))?$`);
/** Names under which this process stages now. */
const own = new Set<string>();

/** The file a download is staged in, beside its target. */
export interface PartialDownload {
  readonly file: string;
  /** Bytes an earlier try left in it; it is there then. */
  readonly have: number;
  /** Leaves it for a later try, of this process or another. */
  leave(): Promise<void>;
  /** It is not there any more. */
  forget(): void;
}

/**
 * The file to stage `hash` in on its way to `target`. What an earlier try left is taken over, also of a process that was
 * killed: the name tells content and target, and while one is at work on it, machine and process.
 */
export async function claimPartial(
  target: string,
  { hash, size }: { hash: ContentHash; size: number },
): Promise<PartialDownload> {
  const folder = dirname(target);
  const kept = `${DOWNLOAD_PREFIX}${digits(`${hash}/${basename(target)}`, DIGITS)}`;
  // Every file at work bears who works on it, lest another download beside it take it for one nobody came back for.
  const atWork = (name: string): string =>
    join(folder, `${name}-${digits(hostname(), 8)}${process.pid.toString(16).padStart(8, '0')}`);
  const mine = atWork(kept);
  const unkept = atWork(`${DOWNLOAD_PREFIX}${randomBytes(DIGITS / 2).toString('hex')}`);
  // Of a small file nothing is ever left: nobody looks through the folder for it. The same one twice at once, in one
  // process: the second keeps nothing.
  let file = size >= LEFT_BYTES_MIN && !own.has(mine) ? mine : unkept;
  own.add(file);
  const have = file === mine ? await takeOver(folder, kept, mine) : 0;
  if (file === mine && have === 0 && (await isTaken(mine))) {
    own.delete(mine);
    file = unkept;
    own.add(file);
  }
  return {
    file,
    have,
    leave: async () => {
      // Until it has that name nobody may take it for one at rest.
      await rename(file, join(folder, kept)).finally(() => own.delete(file));
    },
    forget: () => own.delete(file),
  };
}

/** Bytes in `mine`, should an earlier try have left some; removes what is older than anybody remembers. */
async function takeOver(folder: string, kept: string, mine: string): Promise<number> {
  let have = 0;
  // A folder may be one to put things into and not one to list: there is nothing to go on with.
  for (const name of await readdir(folder).catch(() => [])) {
    const match = PARTIAL.exec(name);
    const file = join(folder, name);
    // Under this process's own name lies what one of the same number left: numbers come again, in containers soon.
    if (match === null || (file !== mine && isAtWork(match[2], match[3], file))) continue;
    try {
      const stats = await lstat(file);
      const { size, mtimeMs, uid, nlink } = stats;
      // In a folder of several people somebody else may have put it there: for a write to go elsewhere.
      if (!stats.isFile() || nlink > 1 || uid !== (process.getuid?.() ?? uid)) continue;
      if (size === 0 || Date.now() - mtimeMs > STALE_MS) await rm(file, { force: true });
      else if (name.startsWith(kept) && size > have) {
        // Whoever is first has it; the one of more bytes replaces another.
        await rename(file, mine);
        have = size;
      }
    } catch {
      // Another process was quicker, or the file is not ours: then there is nothing to go on with.
    }
  }
  return have;
}

/** True when something lies there that cannot be gone on with: another user's, or a link. */
function isTaken(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Of another machine that shares this folder nobody knows: its own are left alone. */
function isAtWork(host: string | undefined, pid: string | undefined, file: string): boolean {
  if (host === undefined || pid === undefined) return false;
  if (host !== digits(hostname(), 8) || own.has(file)) return true;
  const worker = Number.parseInt(pid, 16);
  return worker !== process.pid && !isGone(worker);
}

function digits(text: string, count: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, count);
}
