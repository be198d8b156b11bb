import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { skipAloud } from '../faults/lan.ts';
import { Process, until } from '../faults/process.ts';

const LIMIT_MS = 300_000;
const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const demo = join(dirname(dirname(process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js'))), 'peers', 'demo.mjs');

const withoutTerminal = skipAloud(
  'the demonstration at a terminal',
  spawnSync('script', ['--version']).status === 0 ? undefined : 'script is not installed',
);

let place: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'fm-demo-test-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

function start(words: readonly string[], input?: string): Process {
  const env = { ...process.env, TMPDIR: place, TMUX: undefined };
  return new Process([process.execPath, demo, ...words], { env, cwd: place, ...(input === undefined ? {} : { input }) });
}

/** Processes that name the demonstration's folder. */
function processesLeft(): string[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(join(place, 'filemesh-demo-'));
    } catch {
      return false;
    }
  });
}

describe('the demonstration', () => {
  it(
    'runs so many peers, kills one and starts it again, and leaves nothing behind',
    async () => {
      const lines = ['peers --json', 'kill bravo', 'kill bravo', 'start nobody', 'start bravo', 'client', 'peers --json', 'bye'];
      const { code, output, error } = await start(['--peers', '5', '--files', '3'], `${lines.join('\n')}\n`).ended;
      const lists = output.split('\n').filter((line) => line.startsWith('['));
      const names = lists.map((line) => (JSON.parse(line) as { name: string; alive: boolean }[]).map(({ name }) => name).sort());
      expect(names).toEqual([1, 2].map(() => ['alpha', 'bravo', 'charlie', 'delta', 'echo']));
      expect(output).toMatch(/^killed bravo \(127\.0\.0\.1:(\d+)\).*\nstarted bravo \(127\.0\.0\.1:\1\)$/m);
      expect(output).toMatch(/type this in another terminal.*\n {2}env FILEMESH_HOME=\S+ \S+ \S+main\.js --mesh demo$/m);
      expect(error).toMatch(/bravo does not run; "start bravo" starts it/);
      expect(error).toMatch(/this demo has no peer "nobody"; its peers are alpha, bravo, charlie, delta, echo/);
      // Of the first line that failed.
      expect(code).toBe(2);
      expect(readdirSync(place)).toEqual([]);
      expect(processesLeft()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'of ten peers and more wants five copies of each file',
    async () => {
      const asked = ['show --json', 'bye'].join('\n');
      const { code, output, error } = await start(['--peers', '10', '--files', '3'], `${asked}\n`).ended;
      expect([code, error]).toEqual([0, '']);
      const list = output.split('\n').find((line) => line.startsWith('[')) ?? '[]';
      const files = JSON.parse(list) as { wanted: number }[];
      expect(files.map(({ wanted }) => wanted)).toEqual([5, 5, 5]);
    },
    LIMIT_MS,
  );

  it.skipIf(withoutTerminal)(
    'tells at a terminal where its page is',
    async () => {
      const command = [process.execPath, demo, '--peers', '1', '--files', '0'].map((word) => `'${word}'`).join(' ');
      const env = { ...process.env, TMPDIR: place, TMUX: undefined };
      const terminal = new Process(['script', '-qfec', command, '/dev/null'], { env, cwd: place, input: 'bye\n' });
      expect((await terminal.ended).output).toMatch(/^In a browser: http:\/\/127\.0\.0\.1:\d+\r?$/m);
      expect(processesLeft()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'leaves nothing behind when it is stopped while its peers start',
    async () => {
      const running = start(['--peers', '3', '--files', '0']);
      await until('a peer starts', async () => processesLeft().length > 0);
      running.signal('SIGINT');
      expect((await running.ended).code).toBe(130);
      expect(readdirSync(place)).toEqual([]);
      expect(processesLeft()).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each([
    [['--peers', '0'], /PEERS cannot be "0": it takes a whole number from 1 to 50/],
    [['--peers', 'many'], /PEERS cannot be "many"/],
    [['--files', 'nothing.txt'], /there is no file "nothing\.txt" to preload/],
    [['--files', '10001'], /FILES cannot be "10001"/],
    [['--frob'], /^demo: Unknown option '--frob'$/m],
  ])(
    '%j is refused',
    async (words, message) => {
      const { code, error } = await start(words).ended;
      expect([code, error]).toEqual([2, expect.stringMatching(message)]);
      expect(readdirSync(place)).toEqual([]);
    },
    LIMIT_MS,
  );
});
