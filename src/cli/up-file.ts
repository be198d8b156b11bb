import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { systemReason } from './system-reason.ts';
import { isRepeated, isUpOption, type UpTexts } from './up-settings.ts';

/** What a file of options says: the folder, made absolute, and the texts of options. */
export interface UpFile {
  readonly folder?: string;
  readonly texts: UpTexts;
}

/** Reads the YAML file given with `--config`. Rejects with `usage` on an unknown key: a misspelt option must not pass. */
export async function readUpFile(file: string): Promise<UpFile> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new MeshError('usage', `the file ${quote(file)} given with --config cannot be read: ${systemReason(cause)}`, { cause });
  }
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new MeshError('usage', `${quote(file)} is no YAML: ${systemReason(cause)}`, { cause });
  }
  return upFileOf(value, file);
}

/** The content of such a file, already parsed. `file`: for messages, and as the place relative paths start from. */
export function upFileOf(value: unknown, file: string): UpFile {
  if (value === null || value === undefined) return { texts: {} };
  if (typeof value !== 'object' || Array.isArray(value))
    throw new MeshError('usage', `${quote(file)} must be a list of "option: value" lines`);
  let folder: string | undefined;
  const texts: Record<string, readonly string[]> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (key === 'folder') folder = resolve(dirname(file), onlyText(textsOf(entry, key, file), key, file));
    else if (isUpOption(key))
      texts[key] = isRepeated(key) ? textsOf(entry, key, file) : [onlyText(textsOf(entry, key, file), key, file)];
    else throw new MeshError('usage', `${quote(file)} has the unknown key ${quote(key)}; "filemesh up --help" lists the options`);
  }
  return { ...(folder === undefined ? {} : { folder }), texts };
}

function textsOf(entry: unknown, key: string, file: string): string[] {
  const entries = Array.isArray(entry) ? entry : [entry];
  return entries.map((one) => {
    if (typeof one === 'string') return one;
    if (typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new MeshError('usage', `${quote(file)}: the value of ${key} must be a text or a number`);
  });
}

function onlyText(texts: readonly string[], key: string, file: string): string {
  const text = texts[0];
  if (text === undefined || texts.length > 1) throw new MeshError('usage', `${quote(file)}: ${key} takes one value`);
  return text;
}
