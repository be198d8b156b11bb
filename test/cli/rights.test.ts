import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_OPTIONS } from '../../src/cli/client-settings.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { ERRORS } from '../../src/core/errors.ts';
import { type Outcome, until } from '../faults/process.ts';
import {
  type Act,
  type Asker,
  FILES,
  GRANTS,
  PASSWORDS,
  RIGHTS_CASES,
  type RightsCase,
  sightFault,
  wrongCases,
} from '../rights-cases.ts';
import { PeersHere } from './peers-here.ts';

const SETUP_MS = 480_000;
const CASES_MS = 600_000;
const LARGE_BYTES = 12 * 1024 * 1024;
/** So much has come when the peer is killed: ten seconds before the end. */
const BEGUN_BYTES = 2 * 1024 * 1024;

const here = new PeersHere();
const addresses: Record<string, string> = {};
let join_ = '';
/** Calls so far: each goes to the next peer. */
let calls = 0;

/** As a client of a machine of its own, with that asker's home. `at`: the peer it begins with. */
function surroundings(by: Asker, at?: string) {
  const names = Object.keys(addresses);
  const first = at ?? names[calls++ % names.length] ?? '';
  const order = [first, ...names.filter((name) => name !== first)];
  return {
    FILEMESH_HOME: join(here.place, `home of ${by}`),
    FILEMESH_JOIN: join_,
    FILEMESH_PEER: order.map((name) => addresses[name]).join(' '),
  };
}

function run(by: Asker, words: readonly string[], input = '', at?: string): Promise<Outcome> {
  return here.filemesh(words, { input, env: surroundings(by, at) });
}

async function done(by: Asker, words: readonly string[], input = '', at?: string): Promise<string> {
  const outcome = await run(by, words, input, at);
  if (outcome.code !== 0) throw new Error(`${by}: ${words.join(' ')}: exit ${outcome.code}: ${outcome.error}`);
  return outcome.output;
}

/** The command line for an act. */
function commandOf(what: Act): { words: string[]; input?: string } {
  switch (what.act) {
    case 'list':
      return { words: ['show', ...(what.path === undefined ? [] : [what.path]), '--json'] };
    case 'read':
      return { words: ['download', what.path, '--to', '-'] };
    case 'create':
      return { words: ['create', what.path], input: 'new' };
    case 'overwrite':
      return { words: ['upload', '-', '--to', what.path], input: 'newer' };
    case 'rename':
      return { words: ['rename', what.path, what.to] };
    case 'grant':
      return { words: ['grant', what.path, what.who, what.right] };
    case 'users':
      return { words: ['user', 'list'] };
    case 'add user':
      return { words: ['user', 'add', 'mallory', '--admin'], input: 'a password of mallory\n' };
    case 'remove user':
      return { words: ['user', 'remove', 'anna'] };
    case 'set replicas':
      return { words: ['set', 'replicas', '3'] };
    case 'invite':
    case 'status':
    case 'peers':
      return { words: [what.act] };
    default:
      return { words: [what.act, what.path] };
  }
}

async function check(one: RightsCase): Promise<string | undefined> {
  const { words, input } = commandOf(one.what);
  const { code, output, error } = await run(one.by, words, input);
  const wanted = one.answer === 'done' ? 0 : ERRORS[one.answer].exit;
  if (code !== wanted) return `exit ${code}: ${output}${error}`;
  return sightFault(one, () => (JSON.parse(output) as { path: string }[]).map(({ path }) => path));
}

/** Every byte below a folder. */
function bytesBelow(folder: string): Buffer[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name)));
}

beforeAll(async () => {
  for (const name of ['alpha', 'bravo', 'charlie']) {
    const ready = await here.up(name, ...(name === 'bravo' ? ['--limit-down', '1MiB'] : []));
    addresses[name] = String(ready.address);
    join_ ||= String(ready.join);
  }
  for (const [name, password] of Object.entries(PASSWORDS)) {
    await done('root', ['user', 'add', name], `${password}\n`);
    await done(name as Asker, ['login', name], `${password}\n`);
  }
  for (const [path, by] of FILES) await done(by, ['create', path], path);
  for (const { path, who, right, by } of GRANTS) await done(by, ['grant', path, who, right]);
}, SETUP_MS);
afterAll(() => here.end());

describe('two users and an admin, by the command line, at three peers', () => {
  it(
    `may do what the table of ${RIGHTS_CASES.length} cases says`,
    async () => expect(await wrongCases(check)).toEqual([]),
    CASES_MS,
  );

  it('go on, logged in, when the peer they speak to is killed in the middle of an upload', async () => {
    const file = join(here.place, 'large.bin');
    writeFileSync(file, Buffer.alloc(LARGE_BYTES, 'filemesh '));
    // That one takes a mebibyte a second, so the upload is under way when it dies.
    const env = surroundings('anna', 'bravo');
    const upload = here.begin(['upload', file, '--to', 'home/anna/large.bin', '--json'], { env });
    await until('some of it has come', () => bytesBelow(join(here.place, 'bravo')).some((one) => one.length >= BEGUN_BYTES));
    await here.peer('bravo').kill();
    const { code, output, error } = await upload.ended;
    expect([code, error]).toEqual([0, error]);
    expect(JSON.parse(output)).toMatchObject({ path: 'home/anna/large.bin', wanted: 2 });
    expect(JSON.parse(await done('anna', ['show', 'home/anna/large.bin', '--json']))).toHaveLength(1);
    expect((await run('bob', ['where', 'home/anna/large.bin'])).code).toBe(3);
    const told = JSON.parse(await done('anna', ['log', '--json'])) as { action: string; subject: string; peer: string }[];
    const deed = told.find(({ subject }) => subject === 'home/anna/large.bin');
    expect([deed?.action, deed?.peer === 'bravo']).toEqual(['upload', false]);
  });

  it('leave no password and no token where a peer keeps or says anything, nor on a command line', async () => {
    const tokens = Object.keys(PASSWORDS).map((name) => {
      const [file] = readdirSync(join(here.place, `home of ${name}`, 'meshes'));
      const kept = readFileSync(join(here.place, `home of ${name}`, 'meshes', file ?? '', 'login.json'), 'utf8');
      return (JSON.parse(kept) as { token: string }).token;
    });
    expect(new Set(tokens).size).toBe(3);
    const secrets = [...Object.values(PASSWORDS), ...tokens, ...tokens.map((token) => token.split('.').at(-1) ?? '')];
    const said = ['alpha', 'bravo', 'charlie'].flatMap((name) => [
      ...bytesBelow(join(here.place, name)),
      Buffer.from(here.peer(name).lines.join('\n')),
      Buffer.from(here.peer(name).error),
    ]);
    // The search finds what is there: the hashes are.
    expect(said.some((bytes) => bytes.includes('$argon2id$'))).toBe(true);
    expect(secrets.filter((secret) => said.some((bytes) => bytes.includes(secret)))).toEqual([]);
    const options = [CLIENT_OPTIONS, ...COMMANDS.map((command) => command.options)].flatMap((table) => Object.keys(table));
    expect(options.filter((option) => /password|token|proof/.test(option))).toEqual([]);
  });
});
