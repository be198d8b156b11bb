import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { until } from '../faults/process.ts';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const program = process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js');
/** A program that gives others a terminal. */
const hasTerminal = spawnSync('script', ['--version']).status === 0;
const STOP_OUTPUT = '\u0013';
/** Three times as long as until a peer draws its status anew. */
const STILL_MS = 3_000;

/** What a peer at a terminal writes to standard error. */
const ERRORS = 'errors';

/** A peer at a terminal of its own. */
function peerAtTerminal(place: string) {
  const words = [process.execPath, program, 'up', 'folder', '--mesh', 'home', '--port', '0', '--http', '127.0.0.1:0'];
  const env = { ...process.env, FILEMESH_HOME: join(place, 'home'), FILEMESH_INTERFACE: '127.0.0.1' };
  const command = `exec ${words.map((word) => `'${word}'`).join(' ')} 2>${ERRORS}`;
  const terminal = spawn('script', ['-qfec', command, '/dev/null'], { cwd: place, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const pid = () => Number(readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8').trim());
  return { terminal, pid };
}

test.skipIf(!hasTerminal)('a peer whose terminal was stopped goes on serving, and ends when it is told to', async () => {
  const place = mkdtempSync(join(tmpdir(), 'filemesh-terminal-'));
  const { terminal, pid } = peerAtTerminal(place);
  let shown = '';
  let shownMs = 0;
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    shownMs = performance.now();
  });
  try {
    const url = await until('it tells where its page is', () => /in a browser:\s+(http:\/\/127\.0\.0\.1:\d+)/.exec(shown)?.[1]);
    await until('it draws its status anew', () => shown.split('watches the folder').length > 2);
    const peer = pid();
    terminal.stdin.write(STOP_OUTPUT);
    await until('the terminal shows no more', () => performance.now() - shownMs > STILL_MS);
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(20_000) });
    expect(answer.status).toBe(200);
    process.kill(peer, 'SIGTERM');
    await until('it has ended', () => !existsSync(`/proc/${peer}`));
  } finally {
    terminal.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  }
});

test.skipIf(!hasTerminal)('a peer whose terminal was closed ends without a trace of Node', async () => {
  const place = mkdtempSync(join(tmpdir(), 'filemesh-terminal-'));
  const { terminal, pid } = peerAtTerminal(place);
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  try {
    await until('it draws its status', () => shown.includes('watches the folder'));
    const peer = pid();
    terminal.kill('SIGKILL');
    await until('it has ended', () => !existsSync(`/proc/${peer}`));
    expect(readFileSync(join(place, ERRORS), 'utf8')).toBe('');
  } finally {
    terminal.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  }
});
