// Three peers of one fresh mesh on this machine, a few files in the first one's folder, and the client shell.
// Nothing is left behind: no process, no folder.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 5_000;
/** The shell opens when the samples have their copies, or after so long. */
const SPREAD_MS_MAX = 5_000;
const NAMES = ['alpha', 'bravo', 'charlie'];
const SAMPLES = ['README.md', 'LICENSE', 'package.json', 'docs/protocol.md'];

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(project, 'dist/main.js');
const { newSecret } = await import('../dist/wire/mesh-line.js');
const { NodeRandom } = await import('../dist/platform/node/node-random.js');

const home = mkdtempSync(join(tmpdir(), 'filemesh-demo-'));
const line = `demo/${newSecret(new NodeRandom())}`;
const environment = { ...process.env, FILEMESH_HOME: join(home, 'home') };
const children = [];
/** Called with every event of any peer. */
let happened = () => {};
let ending = false;

/** Starts one peer; resolves with its `ready` event. */
function startPeer(name) {
  const words = ['up', join(home, name), '--config', join(project, 'peers', `${name}.yaml`), '--join', line, '--json'];
  const child = spawn(process.execPath, [program, ...words], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const complaints = [];
  child.stderr.on('data', (chunk) => complaints.push(chunk));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} did not start in time`)), READY_MS_MAX);
    child.on('exit', () => reject(new Error(`${name} ended: ${Buffer.concat(complaints).toString().slice(-2000)}`)));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const event = JSON.parse(text);
      happened(event);
      if (event.event !== 'ready') return;
      clearTimeout(timer);
      resolve(event);
    });
  });
}

/** Puts the samples into a folder; resolves when each is kept twice. */
function spread(samples, folder) {
  const waiting = new Set(samples.map((sample) => sample.replace('/', '-')));
  return new Promise((resolve) => {
    setTimeout(resolve, SPREAD_MS_MAX);
    happened = ({ event, path }) => {
      if (event === 'replicated' && waiting.delete(path) && waiting.size === 0) resolve();
    };
    for (const sample of samples) copyFileSync(join(project, sample), join(folder, sample.replace('/', '-')));
  });
}

/** Ends one child: asked first, then without asking. */
function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.on('exit', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    child.kill('SIGTERM');
  });
}

async function end(code) {
  if (ending) return;
  ending = true;
  await Promise.all(children.map(stopChild));
  rmSync(home, { recursive: true, force: true });
  process.exit(code);
}

process.on('SIGTERM', () => end(143));
process.on('SIGHUP', () => end(129));
// In the shell Ctrl-C stops the verb: the shell gets the signal itself.
process.on('SIGINT', () => {});

try {
  mkdirSync(join(home, 'home'), { mode: 0o700 });
  const ready = await Promise.all(NAMES.map(startPeer));
  const samples = SAMPLES.filter((sample) => existsSync(join(project, sample)));
  await spread(samples, join(home, 'alpha'));
  if (process.stdin.isTTY) {
    console.log('Three peers of the mesh "demo" run on this machine:');
    for (const { name, address } of ready) console.log(`  ${name.padEnd(8)} ${address}   ${join(home, name)}`);
    console.log('A few files were put into the first folder. Drop more into any of them.\n');
  }
  const shell = spawn(process.execPath, [program, '--mesh', 'demo'], { env: environment, stdio: 'inherit' });
  children.push(shell);
  shell.on('exit', (code) => end(code ?? 1));
} catch (error) {
  console.error(`demo: ${error.message}`);
  await end(1);
}
