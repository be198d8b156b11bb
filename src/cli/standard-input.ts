import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { type FileHandle, open, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { checkStopped } from '../client/waiting.ts';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { systemReason } from './system-reason.ts';

/** True when somebody gives bytes there: a pipe, a socket or a file; not a terminal, and not /dev/null. */
export function isGiven(descriptor: number): boolean {
  try {
    const facts = fstatSync(descriptor);
    return facts.isFIFO() || facts.isSocket() || facts.isFile();
  } catch {
    return false;
  }
}

/**
 * A private temporary file that no longer has a name: whatever ends this program, nothing of it stays. The caller
 * closes it.
 */
export async function openNameless(): Promise<FileHandle> {
  const file = join(tmpdir(), `filemesh-${randomBytes(8).toString('hex')}`);
  const handle = await open(file, 'wx+', 0o600).catch(noTemporaryFile);
  await unlink(file);
  return handle;
}

/** Rejects for what a temporary file could not be made or written for. */
export function noTemporaryFile(cause: unknown): never {
  const words = `nothing can be kept in the temporary folder ${quote(tmpdir())}: ${systemReason(cause)}; let TMPDIR name another`;
  throw new MeshError('failed', words, { cause });
}

/** Everything `input` gives, in a nameless file, so that it can be sent again after a failover. */
export async function spool(input: Readable, signal: AbortSignal | undefined): Promise<FileHandle> {
  const handle = await openNameless();
  try {
    for await (const piece of input) {
      checkStopped(signal);
      await handle.appendFile(piece as Buffer).catch(noTemporaryFile);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The same under a name of its own, for whoever reads it later; the name. Rejects where there is no room for it. */
export async function keepSpooled(handle: FileHandle): Promise<string> {
  const file = join(tmpdir(), `filemesh-kept-${randomBytes(8).toString('hex')}`);
  const kept = await open(file, 'wx', 0o600).catch(noTemporaryFile);
  try {
    for await (const piece of handle.createReadStream({ start: 0, autoClose: false })) await kept.appendFile(piece as Buffer);
    await kept.close();
    return file;
  } catch (error) {
    await kept.close().catch(() => undefined);
    await rm(file, { force: true });
    return noTemporaryFile(error);
  }
}
