import type { Session } from '../../src/client/session.ts';
import { changeAsk, makeChange } from '../../src/client/verbs/change.ts';
import { download } from '../../src/client/verbs/download.ts';
import { findEntry, listEntries } from '../../src/client/verbs/listing.ts';
import { create, store } from '../../src/client/verbs/upload.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { type Effect, type History, type Operation, short } from './history.ts';
import type { Mesh } from './mesh.ts';
import { MemorySinks, type MeshClient, sourceOf, VERB } from './mesh-client.ts';
import { hashOf } from './mesh-state.ts';
import type { SimRandom } from './sim-random.ts';

/** Names all writers share, so that they collide. */
const NAMES = [
  'notes.txt',
  'plan',
  'dir/one.md',
  'dir/two.md',
  'Straße ü',
  'deep/er/still',
  'b.bin',
  'list',
  'z',
  'photo (1).jpg',
];
/** Codes of a definite no. */
const REFUSALS = new Set(['exists', 'overtaken', 'conflict', 'not-found', 'usage', 'not-allowed', 'bad-name']);
/** A person between two verbs. */
const THINK_MS_MAX = 2_500;
/** A person with an editor open. */
const EDIT_MS_MAX = 4_000;

type Verb = 'create' | 'put' | 'edit' | 'delete' | 'rename' | 'resolve' | 'download' | 'show';
const VERBS: readonly Verb[] = [
  'create',
  'create',
  'create',
  'put',
  'put',
  'edit',
  'edit',
  'delete',
  'rename',
  'resolve',
  'download',
  'show',
];

/** Contents that no other act makes: an id tells who wrote them. */
export class Contents {
  readonly #history: History;
  readonly #random: SimRandom;
  #count = 0;

  constructor(history: History, random: SimRandom) {
    this.#history = history;
    this.#random = random;
  }

  fresh(who: string): { bytes: Uint8Array; hash: ContentHash } {
    this.#count += 1;
    const random = this.#random;
    const size = random.chance(0.08) ? 70_000 + random.integer(200_000) : random.integer(1_500);
    const bytes = Buffer.concat([Buffer.from(`${who} ${this.#count} `), random.bytes(size)]);
    return this.note(bytes);
  }

  note(bytes: Uint8Array): { bytes: Uint8Array; hash: ContentHash } {
    const hash = hashOf(bytes);
    this.#history.contents.set(hash, bytes);
    return { bytes, hash };
  }
}

export function drawNames(random: SimRandom): string[] {
  return random.shuffled(NAMES).slice(0, 3 + random.integer(NAMES.length - 2));
}

export interface WorkloadOptions {
  readonly mesh: Mesh;
  readonly history: History;
  readonly contents: Contents;
  readonly names: readonly string[];
  readonly random: SimRandom;
  /** Some uploads are spread in runs. */
  readonly hasStripes: boolean;
}

/** People with the real client: each does one verb after the other until `stop`, and tells the history how it went. */
export class Workload {
  readonly #options: WorkloadOptions;
  #running = 0;
  #isStopped = false;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Verbs under way. */
  get running(): number {
    return this.#running;
  }

  start(): void {
    for (const client of this.#options.mesh.clients) {
      const person = new Person(client, { ...this.#options, random: this.#options.random.fork(client.name) });
      this.#live(client, person).catch((thrown: unknown) => this.#options.mesh.scheduler.fail(thrown));
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #live(client: MeshClient, person: Person): Promise<void> {
    const { mesh } = this.#options;
    const random = this.#options.random.fork(`think/${client.name}`);
    for (;;) {
      await sleep(mesh, random.between(20, THINK_MS_MAX));
      if (this.#isStopped) return;
      this.#running += 1;
      // A killed client's verb is never answered; its person starts another.
      await Promise.race([person.act(), client.death()]);
      this.#running -= 1;
    }
  }
}

/** One person at one client. */
class Person {
  readonly #client: MeshClient;
  readonly #options: WorkloadOptions;

  constructor(client: MeshClient, options: WorkloadOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** One verb. Whatever the mesh answers is told to the history; only a defect of this program throws. */
  async act(): Promise<void> {
    const { random, names } = this.#options;
    const verb = random.pick(VERBS);
    const path = random.pick(names);
    const session = this.#client.open();
    try {
      await this.#verb(verb, path, session);
    } catch (thrown) {
      const error = asMeshError(thrown);
      // A reading verb that failed is no promise broken; a foreign error is a defect.
      if (error.cause !== undefined && !(error.cause instanceof Error && error.cause.name === 'MeshError')) throw thrown;
      this.#client.node.incarnation?.tell(`${verb} ${path}: ${error.code}`);
    }
  }

  async #verb(verb: Verb, path: string, session: Session): Promise<void> {
    if (verb === 'create') return await this.#create(path, session);
    if (verb === 'show') {
      for await (const _ of listEntries(session, {}));
      return;
    }
    const entry = await findEntry(session, checkPath(path));
    if (entry === undefined || entry.contents.length === 0) {
      return verb === 'put' ? await this.#put(path, session, entry) : await this.#create(path, session);
    }
    if (verb === 'download') return void (await this.#download(entry, session));
    if (verb === 'delete') return await this.#change('delete', entry, session);
    if (entry.contents.length > 1) return await this.#change('resolve', entry, session);
    if (verb === 'rename') return await this.#rename(entry, session);
    if (verb === 'edit') {
      const bytes = await this.#download(entry, session);
      if (bytes === undefined) return;
      await sleep(this.#options.mesh, this.#options.random.between(0, EDIT_MS_MAX));
    }
    await this.#put(path, session, entry);
  }

  async #create(path: string, session: Session): Promise<void> {
    const { bytes, hash } = this.#options.contents.fresh(this.#client.name);
    await this.#told('create', [{ path, reads: [], makes: hash }], async () => [
      await create(session, checkPath(path), sourceOf(bytes), VERB),
    ]);
  }

  async #put(path: string, session: Session, entry: Entry | undefined): Promise<void> {
    const { bytes, hash } = this.#options.contents.fresh(this.#client.name);
    const striped = this.#options.hasStripes && bytes.length > 1 && this.#options.random.chance(0.3);
    const upload = { kind: 'put', path: checkPath(path), source: sourceOf(bytes), base: entry?.base ?? [], striped } as const;
    await this.#told('put', [{ path, reads: hashesOf(entry), makes: hash }], async () => [await store(session, upload, VERB)]);
  }

  async #rename(entry: Entry, session: Session): Promise<void> {
    const to = checkPath(this.#options.random.pick(this.#options.names));
    const content = entry.contents[0];
    if (to === entry.path || content === undefined) return;
    const effects = [
      { path: entry.path, reads: [content.hash], makes: undefined },
      { path: to, reads: [], makes: content.hash },
    ];
    const ask = changeAsk(session.newRequest(), { kind: 'rename', path: entry.path, to }, entry.base);
    await this.#told('rename', effects, () => makeChange(session, ask, undefined));
  }

  async #change(kind: 'delete' | 'resolve', entry: Entry, session: Session): Promise<void> {
    const { path, base } = entry;
    const { random } = this.#options;
    const reads = hashesOf(entry);
    const keep = random.pick(entry.contents);
    const request = session.newRequest();
    if (kind === 'delete') {
      const ask = changeAsk(request, { kind, path }, base);
      return await this.#told(kind, [{ path, reads, makes: undefined }], () => makeChange(session, ask, undefined));
    }
    if (random.chance(0.7)) {
      const ask = changeAsk(request, { kind, path, keep: keep.origin }, base);
      return await this.#told(kind, [{ path, reads, makes: keep.hash }], () => makeChange(session, ask, undefined));
    }
    const parts = entry.contents.map((one) => ({ path: one.shownPath, reads: [], makes: one.hash }));
    const ask = changeAsk(request, { kind: 'resolve-both', path }, base);
    await this.#told('resolve-both', [{ path, reads, makes: undefined }, ...parts], () => makeChange(session, ask, undefined));
  }

  /** The bytes of the first content; a downloaded content that never was complete fails the seed. */
  async #download(entry: Entry, session: Session): Promise<Uint8Array | undefined> {
    const sinks = new MemorySinks();
    await download(session, entry, sinks.open, VERB);
    for (const [path, bytes] of sinks.saved) {
      const hash = hashOf(bytes);
      if (!this.#options.history.contents.has(hash)) throw new Error(`inv=4 ${path} came as ${short(hash)}, which nobody wrote`);
    }
    return [...sinks.saved.values()][0];
  }

  async #told(
    kind: Operation['kind'],
    effects: Effect[],
    act: () => Promise<readonly { copies: number; note?: string | undefined }[]>,
  ): Promise<void> {
    const { history } = this.#options;
    const operation = history.begin(this.#client.name, kind, effects);
    try {
      const results = await act();
      const copies = Math.min(...results.map((one) => one.copies));
      const note = results.map((one) => one.note).find((one) => one !== undefined);
      history.end(operation, 'acknowledged', { copies, note });
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      history.end(operation, REFUSALS.has(code) ? 'refused' : 'unknown', { code });
    }
  }
}

function hashesOf(entry: Entry | undefined): string[] {
  return (entry?.contents ?? []).map((content) => content.hash);
}

/** Virtual time that no machine's death ends. */
function sleep(mesh: Mesh, ms: number): Promise<void> {
  return new Promise((resolve) => {
    mesh.scheduler.outside.after(ms, resolve);
  });
}
