import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Process } from '../faults/process.ts';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const program = process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js');
/** Nobody listens there: the discard port. */
const NOBODY = '127.0.0.1:9';
const ROW_MS_MAX = 180_000;
const GOOD_SECRET = 'able-wagon-river-candle-forest-mirror-noble-quiz';

interface Row {
  readonly words: readonly string[];
  readonly code: number;
  /** What its one line says. */
  readonly says: RegExp;
  readonly input?: string;
  /** With a mesh known (default), or in an empty home. */
  readonly home?: 'empty';
  readonly env?: Readonly<Record<string, string>>;
}

const row = (code: number, says: RegExp, ...words: string[]): Row => ({ words, code, says });

/** Wrong words: nothing is dialled. */
const WRONG_USE: readonly Row[] = [
  row(2, /no command "frobnicate"/, 'frobnicate'),
  row(2, /no option --frob/, 'show', '--frob'),
  row(2, /fewer words/, 'show', 'a', 'b'),
  row(2, /more words/, 'create'),
  row(2, /more words/, 'download'),
  row(2, /more words/, 'upload'),
  row(2, /more words/, 'edit'),
  row(2, /more words/, 'delete'),
  row(2, /more words/, 'rename', 'a'),
  row(2, /more words/, 'where'),
  row(2, /more words/, 'history'),
  row(2, /more words/, 'restore'),
  row(2, /more words/, 'remove'),
  row(2, /fewer words/, 'peers', 'x'),
  row(2, /--keep ORIGIN or --keep-both/, 'resolve', 'a'),
  row(2, /--keep ORIGIN or --keep-both/, 'resolve', 'a', '--keep', 'x', '--keep-both'),
  row(2, /set replicas N/, 'set', 'colour', '3'),
  row(2, /from 1 to 16/, 'set', 'replicas', '0'),
  row(2, /from 1 to 16/, 'set', 'replicas', 'many'),
  row(2, /--deleted or --restore/, 'resume'),
  row(2, /--deleted or --restore/, 'resume', '--deleted', '--restore'),
  row(2, /--timeout cannot be "soon"/, 'show', '--timeout', 'soon'),
  row(2, /--peer cannot be "nowhere"/, 'show', '--peer', 'nowhere'),
  row(2, /--peer cannot be "host:99999"/, 'show', '--peer', 'host:99999'),
  row(2, /--timeout is given twice/, 'show', '--timeout', '1', '--timeout', '2'),
  row(2, /"\/"/, 'show', '--join', 'nonsense'),
  row(2, /too easy to guess: copy all of what "filemesh invite" prints/, 'show', '--join', 'home/secret'),

  row(2, /--to NAME/, 'upload', '-'),
  row(2, /no such file here\s*$/, 'upload', 'nothing-here'),
  row(2, /given by --to "films\/new"/, 'upload', process.execPath, 'films/new'),
  row(2, /uploaded alone/, 'upload', '-', 'x', '--to', 'y'),
  row(2, /more words: filemesh login USER/, 'login'),
  row(2, /fewer words/, 'logout', 'anna'),
  row(2, /cannot be called "Anna"/, 'login', 'Anna'),
  row(2, /cannot be called "a\/b"/, 'user', 'add', 'a/b'),
  row(2, /cannot be called "everyone"/, 'user', 'add', 'everyone'),
  row(2, /whose account/, 'user', 'add'),
  row(2, /fewer words/, 'user', 'add', 'anna', 'x'),
  row(2, /there is no "user frob"; there are: user add/, 'user', 'frob'),
  row(2, /--admin goes with "user add"/, 'user', 'list', '--admin'),
  row(2, /takes no name/, 'user', 'list', 'anna'),
  row(2, /this mesh has no accounts.*"filemesh user add NAME"/, 'login', 'anna'),
  row(2, /the right cannot be "own".*read, write, none/, 'grant', 'a', 'anna', 'own'),
  row(2, /cannot be called "Anna"/, 'grant', 'a', 'Anna', 'read'),
  row(2, /"\.\."/, 'grant', '../a', 'anna', 'read'),
  row(2, /more words/, 'rights'),
  row(2, /--limit cannot be "0"/, 'log', '--limit', '0'),
  row(2, /given with --config cannot be read: there is no such file/, 'show', '--config', '/nowhere.yaml'),
  { ...row(2, /"anna" was given without a password/, 'show'), env: { FILEMESH_USER: 'anna' } },
  { ...row(2, /a password was given without a user/, 'show'), env: { FILEMESH_PASSWORD: 'x' } },

  row(2, /"\.\."/, 'create', '../x'),
  row(2, /relative/, 'create', '/etc/passwd'),
  row(2, /reserved name/, 'create', 'CON'),
  row(2, /ends in a dot or a space/, 'create', 'x.'),
  row(2, /belongs to the program/, 'create', '.filemesh/marker'),
  row(2, /empty/, 'create', ''),
  row(2, /longer than 255 bytes/, 'create', 'n'.repeat(256)),
  row(2, /no such file/, 'create', 'x', '/nowhere/at/all'),
  row(2, /no such file/, 'upload', '/nowhere/at/all'),
  row(2, /no regular file|empty folders|no file to store/, 'upload', '/dev/null'),
  row(2, /there is no command "frobnicate"/, 'help', 'frobnicate'),
  row(2, /--stripe-over cannot be "much"/, 'upload', 'file.txt', '--stripe-over', 'much'),
  { ...row(1, /temporary folder "\/nowhere": there is no such file; let TMPDIR/, 'create', 'x'), env: { TMPDIR: '/nowhere' } },
  { ...row(7, /"filemesh up FOLDER".*--join/, 'show'), home: 'empty' },
  { ...row(7, /no mesh called "other".*--join/, 'show', '--mesh', 'other') },
  { ...row(7, /no mesh called "other".*--join/, 'show'), env: { FILEMESH_MESH: 'other' } },
  { ...row(2, /too easy to guess/, 'show'), env: { FILEMESH_JOIN: 'home/secret', FILEMESH_MESH: 'other' } },
  { ...row(7, /no mesh called "third"/, 'show', '--mesh', 'third'), env: { FILEMESH_JOIN: `away/${GOOD_SECRET}` } },
  { ...row(2, /--timeout cannot be "soon"/, 'show'), env: { FILEMESH_TIMEOUT: 'soon' } },
  { ...row(2, /--peer cannot be "nowhere"/, 'show'), env: { FILEMESH_PEER: `${NOBODY}, nowhere` } },
  row(2, /--to takes a value/, 'upload', 'file.txt', '--to', ''),
  row(2, /resolve NAME --keep ORIGIN\|--keep-both$/m, 'resolve'),
];

/** Wrong words of `up`: nothing is started. */
const WRONG_UP: readonly Row[] = [
  row(2, /cannot be shared as a whole/, 'up', '/'),
  row(2, /fewer words/, 'up', 'a', 'b'),
  row(2, /no option --frob/, 'up', '--frob'),
  row(2, /--port cannot be "http"/, 'up', 'peer', '--port', 'http'),
  row(2, /--replicas cannot be "17"/, 'up', 'peer', '--replicas', '17'),
  row(2, /--capacity cannot be "lots"/, 'up', 'peer', '--capacity', 'lots'),
  row(2, /--settle cannot be "never"/, 'up', 'peer', '--settle', 'never'),
  row(2, /--placement cannot be "random"/, 'up', 'peer', '--placement', 'random'),
  row(2, /--name cannot be "a\/b"/, 'up', 'peer', '--name', 'a/b'),
  row(2, /--mesh cannot be/, 'up', 'peer', '--mesh', 'two words'),
  row(2, /"\/"/, 'up', 'peer', '--join', 'nonsense'),
  row(2, /too easy to guess/, 'up', 'peer', '--join', 'home/12345'),
  row(2, /up takes no --timeout/, 'up', 'peer', '--timeout', '3'),
  row(2, /nowhere\.yaml/, 'up', '--config', 'nowhere.yaml'),
  row(2, /colour/, 'up', '--config', 'wrong.yaml'),
  row(2, /no network interface here is eth99; there are: .*\(127\.0\.0\.1\)/, 'up', 'peer', '--interface', 'eth99'),
  row(2, /--config cannot be read: it is a folder$/m, 'up', '--config', '.'),
  row(2, /name of the folder is empty/, 'up', ''),
  row(1, /"\/proc\/shared" cannot be used: no folder can be made there/, 'up', '/proc/shared'),
  row(2, /--name takes a value/, 'up', 'peer', '--name', ''),
  row(1, /file\.txt" cannot be used: there is a file of that name$/m, 'up', 'file.txt'),
  { ...row(2, /--port cannot be "many"/, 'up', 'peer'), env: { FILEMESH_PORT: 'many' } },
];

/** Asked of a running peer. */
const REFUSED: readonly Row[] = [
  row(3, /there is no.*nothing\.txt/, 'download', 'nothing.txt'),
  row(3, /no file in the mesh fits "nothing\*"/, 'download', 'nothing*'),
  { ...row(1, /cannot be found; name another/, 'edit', 'there.txt'), env: { EDITOR: 'no-such-editor' } },
  { ...row(1, /ended with code 1, so nothing was stored$/m, 'edit', 'there.txt'), env: { EDITOR: 'false' } },
  row(3, /nothing\.txt/, 'delete', 'nothing.txt'),
  row(3, /nothing\.txt/, 'rename', 'nothing.txt', 'b.txt'),
  row(3, /nothing\.txt/, 'where', 'nothing.txt'),
  row(3, /nothing\.txt/, 'edit', 'nothing.txt'),
  row(3, /nothing\.txt/, 'history', 'nothing.txt'),
  row(3, /nothing\.txt/, 'restore', 'nothing.txt'),
  row(3, /nothing\.txt/, 'resolve', 'nothing.txt', '--keep', 'alpha'),
  row(3, /nobody/, 'remove', 'nobody', '--yes'),
  row(4, /there\.txt/, 'create', 'there.txt'),
  row(4, /THERE\.txt/, 'create', 'THERE.txt'),
  row(4, /there\.txt/, 'create', 'there.txt/below'),
  row(4, /there\.txt/, 'rename', 'other.txt', 'there.txt'),
  row(4, /--force/, 'download', 'there.txt', '--to', 'file.txt'),
  row(2, /"\.\."/, 'rename', 'other.txt', '../x'),
  row(2, /--to - /, 'download', 'there.txt', '--to', '-'),
  row(5, /no peer answers.*filemesh up/, 'show', '--peer', NOBODY, '--timeout', '0.5', '--join', `away/${GOOD_SECRET}`),
];

describe('bad input gets one clear line and its exit code', () => {
  let place: string;
  let peer: Process;

  const start = (words: readonly string[], row: Partial<Row> = {}) => {
    const home = join(place, row.home ?? 'home');
    const env = { ...process.env, FILEMESH_HOME: home, FILEMESH_INTERFACE: '127.0.0.1', EDITOR: 'true', ...row.env };
    const cwd = place;
    return new Process([process.execPath, program, ...words], {
      env,
      cwd,
      ...(row.input === undefined ? {} : { input: row.input }),
    });
  };

  /** As a person sees it. */
  async function refusedInWords({ words, code, says, ...rest }: Row): Promise<void> {
    const { code: ended, output, error } = await start(words, rest).ended;
    expect(ended, error).toBe(code);
    expect(output).toBe('');
    expect(error.trimEnd().split('\n')).toHaveLength(1);
    expect(error).toMatch(/^filemesh: /);
    expect(error).toMatch(says);
  }

  /** As a script sees it. */
  async function refusedInJson({ words, code, says, ...rest }: Row): Promise<void> {
    const { code: ended, output } = await start([...words, '--json'], rest).ended;
    expect(ended, output).toBe(code);
    const { error } = JSON.parse(output) as { error: Record<string, string> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message']);
    expect(error.message).toMatch(says);
  }

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'filemesh-contract-'));
    mkdirSync(join(place, 'home'), { mode: 0o700 });
    writeFileSync(join(place, 'file.txt'), 'a file here');
    writeFileSync(join(place, 'wrong.yaml'), 'folder: peer\ncolour: blue\n');
    const words = ['alpha', '--name', 'alpha', '--replicas', '1', '--settle', '0.1', '--join', `home/${GOOD_SECRET}`, '--json'];
    peer = start(['up', ...words]);
    await peer.line('ready', (line) => line.includes('"ready"'), ROW_MS_MAX);
    for (const name of ['there.txt', 'other.txt']) {
      writeFileSync(join(place, 'alpha', name), `the text of ${name}`);
      await peer.line(`${name} stored`, (line) => line.includes('"stored"') && line.includes(name), ROW_MS_MAX);
    }
    chmodSync(place, 0o700);
  }, ROW_MS_MAX);
  afterAll(async () => {
    await peer?.kill();
    rmSync(place, { recursive: true, force: true });
  });

  it.each(WRONG_USE)('$words ends with $code', refusedInWords, ROW_MS_MAX);
  it.each(WRONG_UP)('$words ends with $code', refusedInWords, ROW_MS_MAX);
  it.each(REFUSED)('$words --json ends with $code', refusedInJson, ROW_MS_MAX);

  it('a second peer on one folder is refused', async () => {
    const second = await start(['up', 'alpha', '--port', '0']).ended;
    expect(second.code).toBe(1);
    expect(second.error.trimEnd().split('\n')).toHaveLength(1);
    expect(second.error).toMatch(/in use by another peer/);
  });

  it('the shell with piped lines runs all, and ends with the code of the first failure', async () => {
    const lines = [
      '# a remark',
      'rename --help',
      'filemesh where there.txt',
      'where nothing.txt',
      'up',
      'create there.txt',
      'frobnicate',
      'frobnicate --json',
      'show --json',
      'bye',
      'show',
    ];
    const outcome = await start([], { input: `${lines.join('\n')}\n` }).ended;
    expect(outcome.code, outcome.error).toBe(3);
    expect(outcome.error.trimEnd().split('\n')).toHaveLength(4);
    expect(outcome.error).toContain('"up" is not for the shell: leave it with "bye" and type "filemesh up"');
    expect(outcome.output).toMatch(/^\{"error":\{"code":"usage","message":"there is no command \\"frobnicate\\"/m);
    expect(outcome.output).toMatch(/^rename NAME\|FOLDER NEWNAME/m);
    const listed = JSON.parse(outcome.output.trimEnd().split('\n').at(-1) ?? '');
    expect(listed.map((file: { path: string }) => file.path)).toEqual(['other.txt', 'there.txt']);
  });
});
