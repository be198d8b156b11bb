import { statSync } from 'node:fs';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { shownText } from './output.ts';
import type { OptionTable, Parsed } from './parse.ts';
import { environmentName } from './up-settings.ts';
import { readYamlFile, textIn, textsIn } from './yaml-file.ts';

/** Options every client verb has. */
export const CLIENT_OPTIONS = {
  json: { describe: 'print one JSON value' },
  mesh: { describe: 'the mesh meant, when several are known here', value: 'NAME' },
  peer: { describe: 'a peer to start at, repeatable', value: 'HOST:PORT', repeats: true },
  join: { describe: 'join line of the mesh, on a machine that is not in it yet', value: 'LINE' },
  timeout: { describe: 'how long to look for a peer that answers (default 10)', value: 'SECONDS' },
  config: { describe: 'YAML file with these options, and user and password', value: 'FILE' },
} as const satisfies OptionTable;

/** What may stand in the environment and in a file. A password is no option: a command line is seen by everybody. */
const SETTINGS = ['mesh', 'peer', 'join', 'timeout', 'user', 'password'] as const;
/** Those that are options too: what a verb calls `--user` is another matter. */
const FLAGS = ['mesh', 'peer', 'join', 'timeout'] as const satisfies readonly Setting[];

type Setting = (typeof SETTINGS)[number];
/** The texts given for each setting; none: it was not given. */
export type ClientTexts = Readonly<Record<Setting, readonly string[]>>;
type Source = Partial<Record<Setting, readonly string[]>>;

/**
 * What a client was told: by flags, else by the environment (`FILEMESH_USER`, …), else by the file given with `--config`.
 * Rejects with `usage` for a file that cannot be read or has something unknown in it.
 */
export async function clientTexts(line: Parsed, environment: NodeJS.ProcessEnv): Promise<ClientTexts> {
  const file = line.options.get('config')?.[0];
  const sources = [flagsOf(line), environmentOf(environment), file === undefined ? {} : await readClientFile(file)];
  // Which mesh is meant, and who one is, is said by both words or by neither.
  const first = (setting: Setting, ...beside: Setting[]) =>
    sources.find((source) => [setting, ...beside].some((one) => source[one] !== undefined))?.[setting] ?? [];
  return {
    mesh: first('mesh', 'join'),
    join: first('join', 'mesh'),
    peer: first('peer'),
    timeout: first('timeout'),
    user: first('user', 'password'),
    password: first('password', 'user'),
  };
}

function flagsOf(line: Parsed): Source {
  return Object.fromEntries(FLAGS.flatMap((setting) => pair(setting, line.options.get(setting))));
}

function environmentOf(environment: NodeJS.ProcessEnv): Source {
  return Object.fromEntries(
    SETTINGS.flatMap((setting) => {
      const text = environment[environmentName(setting)] ?? '';
      if (text.trim() === '') return [];
      if (setting === 'password') return pair(setting, [text]);
      return pair(setting, setting === 'peer' ? text.trim().split(/[\s,]+/) : [text.trim()]);
    }),
  );
}

async function readClientFile(file: string): Promise<Source> {
  const source: Source = {};
  const isOpen = mayOthersRead(file);
  for (const [key, entry] of await readYamlFile(file)) {
    const setting = SETTINGS.find((one) => one === key);
    if (setting === undefined)
      throw new MeshError('usage', `${quote(file)} has the unknown key ${quote(key)}; a client takes ${SETTINGS.join(', ')}`);
    // As a number it would be another text: 007 is 7.
    if (setting === 'password' && typeof entry !== 'string')
      throw new MeshError('usage', `${quote(file)}: the password must be a text: put it in quotes`);
    if (setting === 'password' && isOpen)
      process.stderr.write(`note: ${shownText(file)} has a password in it, and others may read it: chmod 600\n`);
    source[setting] = setting === 'peer' ? textsIn(entry, key, file) : [textIn(entry, key, file)];
  }
  return source;
}

/** True for a file, not for a pipe, that another user of this machine may read. */
function mayOthersRead(file: string): boolean {
  const facts = statSync(file, { throwIfNoEntry: false });
  return process.platform !== 'win32' && facts?.isFile() === true && (facts.mode & 0o077) !== 0;
}

function pair(setting: Setting, texts: readonly string[] | undefined): [Setting, readonly string[]][] {
  return texts === undefined ? [] : [[setting, texts]];
}
