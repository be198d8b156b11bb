import { dirname, resolve } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { isRepeated, isUpOption, type UpTexts } from './up-settings.ts';
import { pairsOf, readYamlFile, textIn, textsIn } from './yaml-file.ts';

/** What a file of options says: the folder, made absolute, and the texts of options. */
export interface UpFile {
  readonly folder?: string;
  readonly texts: UpTexts;
}

/** Reads the YAML file given with `--config`. Rejects with `usage` on an unknown key: a misspelt option must not pass. */
export async function readUpFile(file: string): Promise<UpFile> {
  return upFileOf(Object.fromEntries(await readYamlFile(file)), file);
}

/** The content of such a file, already parsed. `file`: for messages, and as the place relative paths start from. */
export function upFileOf(value: unknown, file: string): UpFile {
  let folder: string | undefined;
  const texts: Record<string, readonly string[]> = {};
  for (const [key, entry] of pairsOf(value, file)) {
    if (key === 'folder') folder = resolve(dirname(file), textIn(entry, key, file));
    else if (isUpOption(key)) texts[key] = isRepeated(key) ? textsIn(entry, key, file) : [textIn(entry, key, file)];
    else throw new MeshError('usage', `${quote(file)} has the unknown key ${quote(key)}; "filemesh help up" lists the options`);
  }
  return { ...(folder === undefined ? {} : { folder }), texts };
}
