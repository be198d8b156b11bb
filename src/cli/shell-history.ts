import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writePrivate } from './private-file.ts';

/** Lines kept; the file is cut when it has grown to twice as many. */
const LINES_MAX = 1000;

/** The lines of earlier shells, newest first, as readline takes them. */
export async function readHistory(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').filter((line) => line !== '');
  const kept = lines.slice(-LINES_MAX);
  // Another shell's line of this very moment may be lost: it is history only.
  if (lines.length > 2 * LINES_MAX) await writePrivate(file, `${kept.join('\n')}\n`).catch(() => undefined);
  return kept.reverse();
}

/** Adds one line; shells that run side by side add to one file. A history that cannot be written is no failure. */
export async function writeHistory(file: string, line: string): Promise<void> {
  if (line.trim() === '') return;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await appendFile(file, `${line}\n`, { mode: 0o600 });
  } catch {
    // Said above.
  }
}
