import type { CommandFacts, OptionTable } from './parse.ts';
import { UP_OPTIONS } from './up-settings.ts';
import type { VerbCommand } from './verb.ts';
import { grant, log, login, logout, rights } from './verbs/accounts.ts';
import { deleteVerb, history, rename, resolve, restore } from './verbs/changes.ts';
import { download } from './verbs/download.ts';
import { edit } from './verbs/edit.ts';
import { invite, peers, removeVerb, resume, set, status } from './verbs/mesh.ts';
import { seal } from './verbs/seal.ts';
import { conflicts, show, where } from './verbs/show.ts';
import { create, upload } from './verbs/upload.ts';
import { user } from './verbs/users.ts';

/** The verbs of the client, as help lists them. */
export const VERBS: readonly VerbCommand[] = [
  show,
  create,
  download,
  upload,
  seal,
  edit,
  deleteVerb,
  rename,
  where,
  conflicts,
  resolve,
  history,
  restore,
  peers,
  status,
  invite,
  removeVerb,
  set,
  resume,
  login,
  logout,
  user,
  grant,
  rights,
  log,
];

export const UP: CommandFacts = {
  name: 'up',
  words: '[FOLDER]',
  count: { min: 0, max: 1 },
  describe: 'run a peer: keep FOLDER (default ~/filemesh) in the mesh',
  options: {
    ...(UP_OPTIONS as OptionTable),
    config: { describe: 'YAML file with these options, and folder', value: 'FILE' },
    'recover-admin': { describe: 'make USER an admin with a new password, which is printed', value: 'USER' },
    json: { describe: 'print what happens, one JSON object a line' },
  },
};

/** Needs no session where a peer of this machine serves its page. */
export const OPEN: CommandFacts = {
  name: 'open',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'open the page of the mesh in the browser, and print its address',
  options: {},
};

export const HELP: CommandFacts = {
  name: 'help',
  words: '[COMMAND]',
  count: { min: 0, max: 1 },
  describe: 'tell how to use a command',
  options: {},
};

export const COMPLETION: CommandFacts = {
  name: 'completion',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'print a script that completes commands in bash',
  options: {},
};

/** Ends the shell; outside of it there is nothing to end. */
export const BYE: CommandFacts = { name: 'bye', words: '', count: { min: 0, max: 0 }, describe: 'leave the shell', options: {} };

/** All that the command line takes. */
export const COMMANDS: readonly CommandFacts[] = [UP, ...VERBS, OPEN, HELP, COMPLETION];
/** All that the shell takes. */
export const SHELL_COMMANDS: readonly CommandFacts[] = [...VERBS, HELP, BYE];

/** `rename --help` means `help rename`, however many words the command takes. */
export function asHelp(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => word === '--help' || word === '-h' || word === '--');
  if (at < 0 || words[at] === '--') return words;
  const topic = words.slice(0, at).find((word) => [...COMMANDS, ...SHELL_COMMANDS].some(({ name }) => name === word));
  return topic === undefined ? [HELP.name] : [HELP.name, topic];
}
