import type { CommandGroup } from './help.ts';
import type { CommandFacts } from './parse.ts';
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

const FILE_VERBS: readonly VerbCommand[] = [
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
];
const MESH_VERBS: readonly VerbCommand[] = [peers, status, invite, removeVerb, set, resume];
const ACCOUNT_VERBS: readonly VerbCommand[] = [login, logout, user, grant, rights, log];

/** The verbs of the client. */
export const VERBS: readonly VerbCommand[] = [...FILE_VERBS, ...MESH_VERBS, ...ACCOUNT_VERBS];

export const UP: CommandFacts = {
  name: 'up',
  words: '[FOLDER]',
  count: { min: 0, max: 1 },
  describe: 'run a peer: keep FOLDER (default ~/filemesh) in the mesh',
  options: {
    ...UP_OPTIONS,
    config: { describe: 'YAML file with these options, and folder', value: 'FILE' },
    'recover-admin': { describe: 'make USER an admin with a new password, which is printed', value: 'USER' },
    json: { describe: 'print what happens, one JSON object a line' },
  },
  details:
    'Options may also stand in the environment (FILEMESH_HEAL_AFTER=5m), or in the file of --config (heal-after: 5m). Ctrl-C ends the peer; what lies in FOLDER stays. The folder knows its mesh: --join is needed once.',
  examples: [
    'up ~/shared',
    'up ~/shared --join home/able-wagon-...',
    'up /mnt/disk --capacity 200GiB --limit-up 10MiB',
    'up ~/shared --peer 192.168.1.20:4795',
  ],
  also: ['start', 'serve', 'init'],
};

/** Needs no session where a peer of this machine serves its page. */
export const OPEN: CommandFacts = {
  name: 'open',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'open the page of the mesh in the browser, and print its address',
  options: {},
  also: ['web', 'browser'],
};

export const HELP: CommandFacts = {
  name: 'help',
  words: '[COMMAND]',
  count: { min: 0, max: 1 },
  describe: 'tell how to use a command',
  options: {},
  examples: ['help download'],
  also: ['?'],
};

export const COMPLETION: CommandFacts = {
  name: 'completion',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'print a script that completes commands in bash',
  options: {},
  details: 'A line in ~/.bashrc lets every shell have it: eval "$(filemesh completion)"',
};

/** Ends the shell; outside of it there is nothing to end. */
export const BYE: CommandFacts = {
  name: 'bye',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'leave the shell',
  options: {},
  also: ['exit', 'quit'],
};

const VERB_GROUPS: readonly CommandGroup[] = [
  { title: 'Files', commands: FILE_VERBS },
  { title: 'Mesh', commands: MESH_VERBS },
  { title: 'Accounts', commands: ACCOUNT_VERBS },
];
/** All that the command line takes, as help lists it. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Commands', commands: [UP, OPEN, HELP, COMPLETION] },
  ...VERB_GROUPS,
];
/** All that the shell takes, as help lists it. */
export const SHELL_GROUPS: readonly CommandGroup[] = [...VERB_GROUPS, { title: 'Shell', commands: [HELP, BYE] }];

export const COMMANDS: readonly CommandFacts[] = COMMAND_GROUPS.flatMap(({ commands }) => commands);
export const SHELL_COMMANDS: readonly CommandFacts[] = SHELL_GROUPS.flatMap(({ commands }) => commands);

/** `rename --help` means `help rename`, however many words the command takes. */
export function asHelp(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => word === '--help' || word === '-h' || word === '--');
  if (at < 0 || words[at] === '--') return words;
  const topic = words.slice(0, at).find((word) => [...COMMANDS, ...SHELL_COMMANDS].some(({ name }) => name === word));
  return topic === undefined ? [HELP.name] : [HELP.name, topic];
}
