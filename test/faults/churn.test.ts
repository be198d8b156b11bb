import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientPlatform } from '../../src/cli/client-platform.ts';
import { type Client, makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import { collected, listEntries } from '../../src/client/verbs/listing.ts';
import type { Address } from '../../src/platform/network.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { hashOf } from '../client/scripted-peer.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { ClientWorker, FolderWorker, SharedWorker } from './churn.ts';
import { freePort, Process } from './process.ts';

/** How long all act: long enough to meet what was met before, and with TRIAL=1 long enough to meet more. */
const CHURN_MS = process.env.TRIAL === undefined ? 15_000 : 180_000;
/** Below the minute of a sweep: what only a sweep mends is a wake-up that was lost. */
const REST_MS = 45_000;
const LIMIT_MS = CHURN_MS + REST_MS + 180_000;
const NAMES = ['alpha', 'bravo', 'charlie'] as const;
const PROGRAM = process.env.FILEMESH_PROGRAM ?? join(dirname(fileURLToPath(import.meta.url)), '../../dist/main.js');
const LINE = 'churn/enjoy-pear-neck-crush-spin-whisper-guilt-eight';
/** Another seed is another run: what threads and disks do in between is not repeated. */
const SEED = process.env.CHURN_SEED ?? 'churn';

/** Three real peers on loopback, each on its own folder and port. */
class Peers {
  readonly place = mkdtempSync(join(tmpdir(), 'filemesh-churn-'));
  readonly addresses: Address[] = [];
  readonly #running = new Map<string, Process>();

  async start(): Promise<void> {
    for (const _ of NAMES) this.addresses.push(`127.0.0.1:${await freePort()}`);
    await Promise.all(NAMES.map((name) => this.up(name)));
  }

  folder(name: string): string {
    return join(this.place, name);
  }

  async up(name: string): Promise<void> {
    const port = this.addresses[NAMES.indexOf(name as (typeof NAMES)[number])]?.split(':')[1] ?? '0';
    const calls = this.addresses.flatMap((address) => ['--peer', address]);
    const words = ['--name', name, '--port', port, '--settle', '0.2', '--json', '--join', LINE, '--interface', '127.0.0.1'];
    const command = [process.execPath, PROGRAM, 'up', this.folder(name), ...words, ...calls];
    const env = { ...process.env, FILEMESH_HOME: join(this.place, `home-${name}`) };
    const peer = new Process(command, { env, cwd: this.place });
    this.#running.set(name, peer);
    await peer.line(`${name} ready`, (text) => text.includes('"ready"'));
  }

  async kill(name: string): Promise<void> {
    const peer = this.#running.get(name);
    peer?.signal('SIGKILL');
    await peer?.ended;
  }

  /** What lies in the folder of a peer under its own name: path → BLAKE3. */
  files(name: string): Map<string, string> {
    const root = this.folder(name);
    const files = new Map<string, string>();
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const path = relative(root, join(entry.parentPath, entry.name));
      const content = entry.isFile() && !path.startsWith('.filemesh') ? contentAt(join(root, path)) : undefined;
      if (content !== undefined) files.set(path, hashOf(content));
    }
    return files;
  }

  async end(): Promise<void> {
    await Promise.all(NAMES.map((name) => this.kill(name)));
    rmSync(this.place, { recursive: true, force: true });
  }
}

function faultsOf(
  { path, contents }: Entry,
  wanted: ReadonlySet<string> | undefined,
  folders: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string[] {
  const [content] = contents;
  if (content === undefined || contents.length > 1) return [`${path} has ${contents.length} contents`];
  if (wanted?.has(content.hash) !== true) return [`${path} is ${wanted === undefined ? 'there' : 'another'}`];
  const holders = content.holders.map((holder) => holder.name);
  const missing = holders.filter((holder) => folders.get(holder)?.get(path) !== content.hash);
  return [
    ...(holders.length < 2 ? [`${path} is on ${holders.join()}`] : []),
    ...missing.map((name) => `${path} is not on ${name}`),
  ];
}

/** Undefined when it has another name by now. */
function contentAt(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** A client that goes through the peer at `address` while that lives. */
async function clientAt(peers: Peers, address: Address): Promise<Client> {
  return makeClient({
    platform: await clientPlatform(join(peers.place, 'client'), ['127.0.0.1']),
    memory: new MeshMemory({ line: LINE, facts: [] }),
    name: 'churn',
    given: [address],
    remembered: peers.addresses,
    timeoutMs: 20_000,
  });
}

describe('clients and people at work on real disks', () => {
  let peers: Peers;
  let clients: Client[];
  let workers: ClientWorker[];
  let persons: FolderWorker[];

  beforeEach(async () => {
    peers = new Peers();
    await peers.start();
    clients = await Promise.all(peers.addresses.map((address) => clientAt(peers, address)));
    workers = clients.map(({ session }, index) => new ClientWorker(`worker${index}`, SEED, session));
    persons = NAMES.map((name) => new FolderWorker(`person-${name}`, SEED, peers.folder(name)));
  }, LIMIT_MS);

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.session.close()));
    await peers.end();
  });

  /** Lets everybody act for CHURN_MS. */
  async function churn(disturb: (untilMs: number) => Promise<void>): Promise<void> {
    const untilMs = performance.now() + CHURN_MS;
    const clientsAct = workers.map(async (worker) => {
      while (performance.now() < untilMs) await worker.act();
    });
    const personsAct = persons.map(async (person) => {
      while (performance.now() < untilMs) {
        person.act();
        await sleep(person.random.between(20, 700));
      }
    });
    await Promise.all([...clientsAct, ...personsAct, disturb(untilMs)]);
  }

  /** What is not as everybody left it, in words; nothing when the mesh is at rest and right. */
  async function faults(): Promise<string[]> {
    const wanted = new Map([...workers, ...persons].flatMap(({ model }) => [...model]));
    const folders = new Map(NAMES.map((name) => [name as string, peers.files(name)]));
    const entries = await collected(listEntries((clients[0] as Client).session, {}));
    const shown = entries.filter((entry) => entry.contents.length > 0);
    const listed = new Set<string>(shown.map((entry) => entry.path));
    const gone = [...wanted.keys()].filter((path) => !listed.has(path)).map((path) => `${path} is gone`);
    const left = [...folders].flatMap(([name, files]) =>
      [...files.keys()].filter((path) => !listed.has(path)).map((path) => `${path} lies on ${name}`),
    );
    return [...shown.flatMap((entry) => faultsOf(entry, wanted.get(entry.path), folders)), ...gone, ...left];
  }

  const acts = () => [...workers, ...persons].reduce((sum, worker) => sum + worker.acts, 0);

  it(
    'carry out every act, and the mesh has what they left',
    async () => {
      await churn(async () => {});
      expect(workers.flatMap((worker) => worker.failures)).toEqual([]);
      await untilNothing(faults);
      console.log(`churn: ${acts()} acts`);
    },
    LIMIT_MS,
  );

  it(
    'lose nothing while peers are killed and started again',
    async () => {
      const random = new SimRandom(`${SEED}/kills`);
      let kills = 0;
      await churn(async (untilMs) => {
        while (performance.now() < untilMs) {
          await sleep(random.between(500, 3_000));
          const name = random.pick([...NAMES]);
          await peers.kill(name);
          kills += 1;
          await sleep(random.between(0, 1_500));
          await peers.up(name);
        }
      });
      await untilNothing(faults);
      console.log(`churn: ${acts()} acts, ${kills} kills, ${workers.flatMap((worker) => worker.failures).length} refused`);
    },
    LIMIT_MS,
  );
});

describe('people and clients who act on the same names', () => {
  it(
    'end with the same on every peer, whole, and with conflicts that can be resolved',
    async () => {
      const peers = new Peers();
      const clients: Client[] = [];
      try {
        await peers.start();
        for (const address of peers.addresses) clients.push(await clientAt(peers, address));
        const workers = NAMES.map(
          (name, index) => new SharedWorker(SEED, name, peers.folder(name), (clients[index] as Client).session),
        );
        const untilMs = performance.now() + CHURN_MS;
        const acting = workers.flatMap((worker) => [inFolder(worker, untilMs), asClient(worker, untilMs)]);
        await Promise.all(acting);
        expect(workers.flatMap((worker) => worker.failures)).toEqual([]);
        await untilNothing(() => differences(peers, clients));
        const conflicts = (await shownBy(clients[0] as Client)).filter((entry) => entry.contents.length > 1).length;
        console.log(
          `churn: ${workers.reduce((sum, worker) => sum + worker.acts, 0)} acts on the same names, ${conflicts} conflicts left`,
        );
        await workers[0]?.resolveAll(500);
        await untilNothing(() => differences(peers, clients));
      } finally {
        await Promise.all(clients.map((client) => client.session.close()));
        await peers.end();
      }
    },
    2 * LIMIT_MS,
  );
});

async function inFolder(worker: SharedWorker, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    worker.actInFolder();
    await sleep(worker.random.between(20, 900));
  }
}

async function asClient(worker: SharedWorker, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    await worker.actAsClient();
    await sleep(worker.random.between(0, 200));
  }
}

async function shownBy({ session }: Client): Promise<Entry[]> {
  return (await collected(listEntries(session, {}))).filter((entry) => entry.contents.length > 0);
}

/** Where peers differ, or a folder has not what its peer is said to hold. */
async function differences(peers: Peers, clients: readonly Client[]): Promise<string[]> {
  const lists = await Promise.all(clients.map(shownBy));
  const words = lists.map((entries) =>
    entries
      .map(({ path, contents }) => `${path} ${contents.map(({ hash, copies }) => `${hash.slice(0, 8)}x${copies}`)}`)
      .join('\n'),
  );
  if (new Set(words).size > 1) return ['the peers show different lists', ...words];
  const found: string[] = [];
  const folders = new Map(NAMES.map((name) => [name as string, peers.files(name)]));
  const listed = new Set<string>((lists[0] ?? []).map((entry) => entry.path));
  for (const { path, contents } of lists[0] ?? []) {
    for (const { hash, holders, copies } of contents) {
      if (copies < 2) found.push(`${path} ${hash.slice(0, 8)} has ${copies} copies`);
      const missing = holders.filter(({ name }) => contents.length === 1 && folders.get(name)?.get(path) !== hash);
      found.push(...missing.map(({ name }) => `${path} is not on ${name}`));
    }
  }
  for (const [name, files] of folders)
    found.push(...[...files.keys()].filter((path) => !listed.has(path)).map((path) => `${path} lies on ${name}`));
  return found;
}

/** Resolves when `look` finds nothing; after REST_MS what it finds is a failure. */
async function untilNothing(look: () => Promise<string[]>): Promise<void> {
  const untilMs = performance.now() + REST_MS;
  let left = await look();
  while (left.length > 0 && performance.now() < untilMs) {
    await sleep(1_000);
    left = await look();
  }
  expect(left.slice(0, 20)).toEqual([]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
