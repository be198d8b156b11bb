// Some peers of one fresh mesh on this machine, a few files in the first one's folder, and the client shell with three more
// commands. Nothing is left behind: no process, no folder.
//   node peers/demo.mjs [--peers N] [--files COUNT | --files FILE ...]
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { processScreen } from '../dist/program/code/screen.js';
import { shell } from '../dist/program/code/shell.js';
import { demoCommands } from './demo-commands.mjs';
import { DemoMesh, PEERS_MAX } from './demo-mesh.mjs';

const SAMPLES = ['README.md', 'LICENSE', 'package.json', 'docs/protocol.md'];
/** More would make a demonstration of the disk. */
const FILES_MAX = 10_000;
/** So many peers are listed one by one. */
const LISTED_MAX = 9;
const EXIT_USAGE = 2;

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
let mesh;
let isInShell = false;
let ending;

/** Ends everything, then this program. */
function end(code) {
  ending ??= (mesh?.end() ?? Promise.resolve()).then(() => process.exit(code));
  return ending;
}

/** Who says it a second time does not want to wait. */
function interrupted(code) {
  if (ending === undefined) end(code);
  else process.exit(code);
}

class Usage extends Error {}

/** What the command line says: how many peers, and which files or how many; `files` undefined: it does not say. */
function wishOf(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    options: { peers: { type: 'string' }, files: { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const peers = countOf(values.peers ?? '3', 1, PEERS_MAX, 'PEERS');
  const files = values.files === undefined ? undefined : [...values.files, ...positionals];
  if (files === undefined && positionals.length > 0) throw new Usage('files are named with FILES="A B", or --files A B');
  return { peers, files: files === undefined ? undefined : filesOf(files) };
}

function countOf(text, min, max, what) {
  const count = /^\d{1,6}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(count >= min && count <= max)) throw new Usage(`${what} cannot be "${text}": it takes a whole number from ${min} to ${max}`);
  return count;
}

/** A number: so many samples. Else the files of these names. */
function filesOf(words) {
  const [first = ''] = words;
  if (words.length === 1 && /^\d+$/.test(first) && !existsSync(first)) return samples(countOf(first, 0, FILES_MAX, 'FILES'));
  return words.map((word) => {
    const from = resolve(word);
    if (!existsSync(from) || !statSync(from).isFile()) throw new Usage(`there is no file "${word}" to preload`);
    return { from, name: word.split('/').at(-1) };
  });
}

/** The first samples are texts of this project, the others are made up. */
function samples(count) {
  const texts = SAMPLES.map((name) => ({ from: join(project, name), name: name.replace('/', '-') }));
  const made = Array.from({ length: Math.max(0, count - texts.length) }, (_, index) => ({ name: `sample-${index + 1}.bin` }));
  return [...texts, ...made].filter(({ from }) => from === undefined || existsSync(from)).slice(0, count);
}

/** At a terminal the person is asked until the answer is one. */
async function askForFiles() {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.on('SIGINT', () => interrupted(130));
  // Ctrl-D: no answer, and nobody who wants a shell.
  terminal.on('close', () => !isInShell && end(0));
  try {
    for (;;) {
      const answer = (await terminal.question(`How many files to preload (0 for none)? [${SAMPLES.length}] `)).trim();
      try {
        return answer === '' ? samples(SAMPLES.length) : filesOf(answer.split(/\s+/));
      } catch (error) {
        console.log(error.message);
      }
    }
  } finally {
    isInShell = true;
    terminal.close();
  }
}

function tellPeers(files) {
  const { peers } = mesh;
  const words = ['no', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];
  const plural = peers.length === 1 ? 'peer of the mesh "demo" runs' : 'peers of the mesh "demo" run';
  console.log(`${words[peers.length] ?? peers.length} ${plural} on this machine:`);
  const listed = peers.length <= LISTED_MAX ? peers : [...peers.slice(0, 3), undefined, peers.at(-1)];
  const width = Math.max(...peers.map(({ name }) => name.length));
  for (const peer of listed) {
    if (peer === undefined) console.log('  …  ("peers" lists them)');
    else console.log(`  ${peer.name.padEnd(width)}  ${peer.address}   ${peer.folder}`);
  }
  if (files.length > 0 && mesh.isStriped) console.log('A few files were stored in parts over all of them. Drop more into any folder.');
  else if (files.length > 0) console.log('A few files were put into the first folder. Drop more into any of them.');
  else console.log('Drop files into any of these folders.');
  const page = peers.find(({ http }) => http !== undefined)?.http;
  if (page !== undefined) console.log(`In a browser: ${page}`);
  console.log('This shell also takes: kill NAME, start NAME, client (one more shell).\n');
}

process.on('SIGTERM', () => interrupted(143));
process.on('SIGHUP', () => interrupted(129));
// In the shell Ctrl-C stops the verb, which gets the signal itself.
process.on('SIGINT', () => {
  if (!isInShell || ending !== undefined) interrupted(130);
});

try {
  const wish = wishOf(process.argv.slice(2));
  mesh = new DemoMesh(project, wish.peers);
  process.on('exit', () => mesh.endNow());
  const files = wish.files ?? (isTerminal ? await askForFiles() : samples(SAMPLES.length));
  isInShell = false;
  await mesh.start((count) => isTerminal && process.stdout.write(`\r${count} of ${wish.peers} peers are ready`));
  if (isTerminal) process.stdout.write('\r\x1b[K');
  await mesh.preload(files);
  if (isTerminal) tellPeers(files);
  isInShell = true;
  const line = { command: undefined, words: [], options: new Map([['mesh', ['demo']]]) };
  await end(await shell(line, processScreen(), demoCommands(mesh)));
} catch (error) {
  // A peer that is ended before it was ready is no news.
  if (ending !== undefined) await ending;
  const isUsage = error instanceof Usage || error.code?.startsWith('ERR_PARSE_ARGS');
  console.error(`demo: ${isUsage ? error.message.split(". ")[0] : error.message}`);
  await end(isUsage ? EXIT_USAGE : 1);
}
