// The peers of the demonstration: processes and folders that end with it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { newSecret } from '../dist/program/code/mesh-line.js';
import { NodeRandom } from '../dist/program/code/node-random.js';

export const PEERS_MAX = 50;
/** From so many peers on every file is kept so often. */
const MANY_PEERS = 10;
const MANY_REPLICAS = 5;
/** Peers that start at a time: more would only wait for one another. */
const STARTING_MAX = 5;
const READY_MS_MAX = 60_000;
/** All see one another, or nobody waits any longer. */
const MET_MS_MAX = 20_000;
/** A peer that does not end by itself is ended; of many each has its turn at the processor first. */
const STOP_MS_MAX = 5_000;
const STOP_MS_MORE = 200;
/** The shell opens when the files have their copies, or after so long. */
const SPREAD_MS_MAX = 5_000;
const SPREAD_MS_MORE = 20;
const SAMPLE_BYTES = 64 * 1024;
const COMPLAINT_BYTES_MAX = 2_000;
/** Files that one client stores: a command line is only so long. */
const UPLOADED_AT_ONCE = 200;
const NATO =
  'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu';

/** The name of the peer of that number, from 0. */
export function peerName(index) {
  return NATO.split(' ')[index] ?? `peer-${index + 1}`;
}

/** One peer: `child` runs it, undefined while none does. */
class DemoPeer {
  address;
  /** Where its page is. */
  http;
  child;
  complaints = '';

  constructor(name, folder) {
    this.name = name;
    this.folder = folder;
  }

  get port() {
    return this.address?.split(':').at(-1);
  }
}

export class DemoMesh {
  peers;
  #project;
  #place = mkdtempSync(join(tmpdir(), 'filemesh-demo-'));
  #line = `demo/${newSecret(new NodeRandom())}`;
  #ended = false;
  #ends = [];
  /** Called with the peer and every event of it. */
  #happened = () => {};

  constructor(project, count) {
    this.#project = project;
    this.peers = Array.from({ length: count }, (_, index) => new DemoPeer(peerName(index), join(this.#place, peerName(index))));
    mkdirSync(join(this.#place, 'home'), { mode: 0o700 });
    // For the shell in this process, and what it starts: the user's own meshes are none of its business.
    process.env.FILEMESH_HOME = join(this.#place, 'home');
  }

  /** The words that open one more shell, in any terminal of this machine. */
  get clientWords() {
    return ['env', `FILEMESH_HOME=${process.env.FILEMESH_HOME}`, process.execPath, this.#program, '--mesh', 'demo'];
  }

  get #program() {
    return join(this.#project, 'dist/main.js');
  }

  /** Starts all peers, some at a time; resolves when they see one another. `told` hears how many are ready. */
  async start(told) {
    const met = new Set();
    let meet = () => {};
    this.#happened = (from, { event, peer }) => {
      if (from === this.peers[0] && event === 'member-joined' && met.add(peer).size >= this.peers.length - 1) meet();
    };
    const waiting = [...this.peers];
    let ready = 0;
    const startNext = async () => {
      for (let peer = waiting.shift(); peer !== undefined; peer = waiting.shift()) {
        await this.startPeer(peer);
        told(++ready);
      }
    };
    await Promise.all(Array.from({ length: STARTING_MAX }, startNext));
    if (met.size < this.peers.length - 1) await withinMs(MET_MS_MAX, (done) => (meet = done));
  }

  /** Resolves when the peer is ready; rejects with what it said when it ends before, or takes too long. */
  async startPeer(peer) {
    if (this.#ended) throw new Error('stopped');
    const child = spawn(process.execPath, [this.#program, ...this.#wordsOf(peer)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C is for the shell, which may only want to stop a verb.
      detached: true,
    });
    peer.child = child;
    peer.complaints = '';
    child.stderr.on('data', (chunk) => {
      peer.complaints = `${peer.complaints}${chunk}`.slice(-COMPLAINT_BYTES_MAX);
    });
    child.on('exit', () => {
      if (peer.child === child) peer.child = undefined;
    });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${peer.name} did not start within ${READY_MS_MAX / 1000} s`)), READY_MS_MAX);
      child.on('error', reject);
      child.on('exit', () => {
        clearTimeout(timer);
        reject(new Error(`${peer.name} ended: ${peer.complaints.trim()}`));
      });
      createInterface({ input: child.stdout }).on('line', (text) => {
        const event = JSON.parse(text);
        this.#happened(peer, event);
        if (event.event !== 'ready') return;
        clearTimeout(timer);
        peer.address = event.address;
        peer.http = event.http;
        resolve();
      });
    });
  }

  /** SIGKILL: as if its power were cut, but for its disk. */
  async killPeer(peer) {
    const { child } = peer;
    child.kill('SIGKILL');
    if (!hasEnded(child)) await once(child, 'exit');
  }

  /** Many peers: files are not kept whole by anybody, but in parts by all. */
  get isStriped() {
    return this.peers.length >= MANY_PEERS;
  }

  /** Puts files into the first folder, or stores them striped; resolves when each has all its copies, or after a while. */
  async preload(files) {
    if (files.length === 0) return;
    if (this.isStriped) return await this.#preloadStriped(files);
    const waiting = new Set(files.map(({ name }) => name));
    const [first] = this.peers;
    await withinMs(SPREAD_MS_MAX + files.length * SPREAD_MS_MORE, (done) => {
      this.#happened = (_, { event, path }) => {
        if (event === 'replicated' && waiting.delete(path) && waiting.size === 0) done();
      };
      for (const { from, name } of files) {
        const file = join(first.folder, name);
        if (from === undefined) writeFileSync(file, randomBytes(SAMPLE_BYTES));
        else copyFileSync(from, file);
      }
      // There is nobody to give a copy to.
      if (this.peers.length === 1) done();
    });
    this.#happened = () => {};
  }

  async #preloadStriped(files) {
    const folder = join(this.#place, 'preload');
    mkdirSync(folder);
    for (let from = 0; from < files.length; from += UPLOADED_AT_ONCE) {
      const some = files.slice(from, from + UPLOADED_AT_ONCE).map(({ from: original, name }) => {
        if (original !== undefined) return { file: original, name };
        const file = join(folder, name);
        writeFileSync(file, randomBytes(SAMPLE_BYTES));
        return { file, name };
      });
      // Under its own name in the mesh each, and most have it here.
      for (const { file, name } of some.filter(({ file, name }) => basename(file) !== name)) {
        copyFileSync(file, join(folder, name));
      }
      const paths = some.map(({ file, name }) => (basename(file) === name ? file : join(folder, name)));
      const [program, ...words] = this.clientWords.slice(2);
      const child = spawn(program, [...words.slice(0, 1), 'upload', '--striped', ...words.slice(1), ...paths], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let complaint = '';
      child.stderr.on('data', (chunk) => {
        complaint = `${complaint}${chunk}`.slice(-COMPLAINT_BYTES_MAX);
      });
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`the files could not be preloaded: ${complaint.trim()}`);
    }
    rmSync(folder, { recursive: true, force: true });
  }

  /** Adds what is to be done before the folders go. */
  atEnd(act) {
    this.#ends.push(act);
  }

  /** Ends all peers, each asked first; then the folders go. */
  async end() {
    this.#ended = true;
    const graceMs = STOP_MS_MAX + this.peers.length * STOP_MS_MORE;
    await Promise.all(this.peers.map(({ child }) => child && stopChild(child, graceMs)));
    this.endNow();
  }

  /** The same at once: for the end of this process, whatever brought it. */
  endNow() {
    this.#ended = true;
    for (const act of this.#ends.splice(0)) act();
    for (const { child } of this.peers) {
      if (child !== undefined && !hasEnded(child)) child.kill('SIGKILL');
    }
    rmSync(this.#place, { recursive: true, force: true, maxRetries: 5 });
  }

  #wordsOf(peer) {
    const file = join(this.#project, 'peers', `${peer.name}.yaml`);
    const own = existsSync(file) ? ['--config', file] : ['--name', peer.name, '--interface', '127.0.0.1'];
    const many = this.peers.length < MANY_PEERS ? [] : ['--replicas', `${MANY_REPLICAS}`];
    // Started again, it is found where it was.
    const port = peer.port === undefined ? [] : ['--port', peer.port];
    return ['up', peer.folder, ...own, ...many, ...port, '--join', this.#line, '--json'];
  }
}

function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopChild(child, graceMs) {
  if (hasEnded(child)) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
  clearTimeout(timer);
}

/** Until `act` calls what it is given, but no longer than so many ms. */
function withinMs(ms, act) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    act(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
