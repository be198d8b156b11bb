import { closeSync, openSync, readSync } from 'node:fs';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { systemReason } from './system-reason.ts';

/** A longer file is none of options. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The pairs of a YAML file given with `--config`. Rejects with `usage` when it cannot be read, or is something else. */
export async function readYamlFile(file: string): Promise<[string, unknown][]> {
  let text: string;
  try {
    text = readText(file);
  } catch (cause) {
    if (cause instanceof MeshError) throw cause;
    throw new MeshError('usage', `the file ${quote(file)} given with --config cannot be read: ${systemReason(cause)}`, { cause });
  }
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    // Its message shows the line that it stumbled over, which may be the password.
    const line = (cause as { linePos?: readonly { line: number }[] }).linePos?.[0]?.line;
    throw new MeshError('usage', `${quote(file)} is no YAML${line === undefined ? '' : `: look at line ${line}`}`);
  }
  return pairsOf(value, file);
}

/** All of it, of a pipe too. Throws `usage` for one that does not end within FILE_BYTES_MAX. */
function readText(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(FILE_BYTES_MAX + 1);
    let end = 0;
    for (let read = 1; read > 0 && end < bytes.length; end += read)
      read = readSync(descriptor, bytes, end, bytes.length - end, null);
    if (end > FILE_BYTES_MAX) throw new MeshError('usage', `${quote(file)} is longer than ${FILE_BYTES_MAX} bytes`);
    return bytes.toString('utf8', 0, end);
  } finally {
    closeSync(descriptor);
  }
}

/** The pairs of such a file, already parsed. */
export function pairsOf(value: unknown, file: string): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    throw new MeshError('usage', `${quote(file)} must be a list of "option: value" lines`);
  return Object.entries(value);
}

/** The texts of one entry, which may be a list. */
export function textsIn(entry: unknown, key: string, file: string): string[] {
  const entries = Array.isArray(entry) ? entry : [entry];
  return entries.map((one) => {
    if (typeof one === 'string') return one;
    if (typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new MeshError('usage', `${quote(file)}: the value of ${key} must be a text or a number`);
  });
}

/** The text of an entry that takes one. */
export function textIn(entry: unknown, key: string, file: string): string {
  const [text, ...more] = textsIn(entry, key, file);
  if (text === undefined || more.length > 0) throw new MeshError('usage', `${quote(file)}: ${key} takes one value`);
  return text;
}
