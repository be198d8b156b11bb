import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { environmentName } from './up-settings.ts';

/** Editors tried when neither VISUAL nor EDITOR names one. */
const FALLBACKS = ['sensible-editor', 'nano', 'vi'];
/** What a shell ends with when there is no such command. */
const NOT_FOUND = 127;

/** The command line of the user's editor. Rejects with `failed` when there is none. */
export function editorCommand(environment: Readonly<Record<string, string | undefined>>): string {
  for (const named of [environment.VISUAL, environment.EDITOR]) {
    if (named !== undefined && named.trim() !== '') return named;
  }
  const found = FALLBACKS.find((name) => isInPath(name, environment.PATH ?? ''));
  if (found === undefined) throw new MeshError('failed', 'no editor was found; name one in the environment variable EDITOR');
  return found;
}

/** Opens a file in the editor, with this terminal. Resolves when the editor ended well, else rejects with `failed`. */
export function runEditor(command: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const [shell, ...words] = shellWords(command, file, process.platform);
    const options = { stdio: 'inherit', env: environmentOfOthers(), windowsVerbatimArguments: true } as const;
    const child = spawn(shell, words, options);
    const cannotBe = (what: string, cause?: unknown) => {
      const words = `the editor ${command} cannot be ${what}; name another one in the environment variable EDITOR`;
      reject(new MeshError('failed', words, { cause }));
    };
    child.on('error', (cause) => cannotBe('started', cause));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else if (code === NOT_FOUND) cannotBe('found');
      else reject(new MeshError('failed', `the editor ${command} ended with ${signal ?? `code ${code}`}, so nothing was stored`));
    });
  });
}

/**
 * The variables hold shell words (`code --wait`), as git and crontab read them; the file is a word of its own. On Windows no name
 * has a quote in it.
 */
export function shellWords(command: string, file: string, platform: NodeJS.Platform): [string, ...string[]] {
  if (platform !== 'win32') return ['/bin/sh', '-c', `${command} "$1"`, 'editor', file];
  return [process.env.ComSpec ?? 'cmd.exe', '/d', '/s', '/c', `"${command} "${file}""`];
}

/** What other programs are started with: the password is for this one. */
function environmentOfOthers(): NodeJS.ProcessEnv {
  const { [environmentName('password')]: _password, ...others } = process.env;
  return others;
}

function isInPath(name: string, path: string): boolean {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return statSync(join(directory, name)).isFile();
    } catch {
      return false;
    }
  });
}
