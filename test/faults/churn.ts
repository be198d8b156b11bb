import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Session } from '../../src/client/session.ts';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import { collected, listEntries, listFolder } from '../../src/client/verbs/listing.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { asMeshError } from '../../src/core/errors.ts';
import { checkPath } from '../../src/core/path.ts';
import { hashOf } from '../client/scripted-peer.ts';
import { sourceOf, VERB } from '../sim/mesh-client.ts';
import { SimRandom } from '../sim/sim-random.ts';

/** Names of a worker: few, so that acts meet. */
const FOLDERS = ['', 'deep/', 'deep/', 'deep/er/'];
const FILES = 20;
const BYTES_MAX = 20_000;
const LARGE_BYTES = 1_500_000;

/** What may lie below a worker's own folder: path → BLAKE3, several after an act that failed half-way. Nobody else acts there. */
export type Model = Map<string, ReadonlySet<string>>;

/** Files of one worker, of random contents under few names, written, replaced, renamed and deleted. */
abstract class Worker {
  readonly root: string;
  readonly random: SimRandom;
  model: Model = new Map();
  acts = 0;

  constructor(root: string, seed: string) {
    this.root = root;
    this.random = new SimRandom(`${seed}/${root}`);
  }

  freshPath(): string {
    return `${this.root}/${this.random.pick(FOLDERS)}f${this.random.integer(FILES)}.txt`;
  }

  content(): Buffer {
    const size = this.random.chance(0.05) ? LARGE_BYTES : this.random.integer(BYTES_MAX);
    const bytes = Buffer.alloc(size);
    for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(this.random.integer(0xffffffff), at);
    return bytes;
  }

  /** A folder below the own one that has files; undefined when there is none. */
  someFolder(): string | undefined {
    const folders = new Set([...this.model.keys()].map((path) => dirname(path)).filter((folder) => folder !== this.root));
    return folders.size === 0 ? undefined : this.random.pick([...folders]);
  }

  somePath(): string | undefined {
    return this.model.size === 0 ? undefined : this.random.pick([...this.model.keys()]);
  }

  below(folder: string): string[] {
    return [...this.model.keys()].filter((path) => path.startsWith(`${folder}/`));
  }

  /** The model after what lay at `from` (a file or a folder) has its new name. */
  moved(from: string, to: string): Model {
    const after: Model = new Map();
    for (const [path, hash] of this.model) {
      const isMoved = path === from || path.startsWith(`${from}/`);
      after.set(isMoved ? `${to}${path.slice(from.length)}` : path, hash);
    }
    return after;
  }

  without(paths: readonly string[]): Model {
    return new Map([...this.model].filter(([path]) => !paths.includes(path)));
  }
}

/** Asks for changes through a session, one after the other. */
export class ClientWorker extends Worker {
  readonly failures: string[] = [];
  readonly #session: Session;

  constructor(root: string, seed: string, session: Session) {
    super(root, seed);
    this.#session = session;
  }

  async act(): Promise<void> {
    this.acts += 1;
    const kind = this.random.pick(['put', 'put', 'put', 'put', 'rename', 'rename-folder', 'delete', 'delete-folder']);
    const [path, folder] = [this.somePath(), this.someFolder()];
    if (kind === 'rename' && path !== undefined) {
      const to = `${this.root}/${this.random.pick(FOLDERS)}n${this.acts}.txt`;
      return this.#do(`rename ${path} ${to}`, () => rename(this.#session, path, to, {}), this.moved(path, to));
    }
    if (kind === 'rename-folder' && folder !== undefined) {
      const to = `${this.root}/d${this.acts}`;
      return this.#do(`rename ${folder} ${to}`, () => rename(this.#session, folder, to, {}), this.moved(folder, to));
    }
    if (kind === 'delete' && path !== undefined)
      return this.#do(`delete ${path}`, () => remove(this.#session, path, {}), this.without([path]));
    if (kind === 'delete-folder' && folder !== undefined && this.random.chance(0.3))
      return this.#do(`delete ${folder}`, () => remove(this.#session, folder, {}), this.without(this.below(folder)));
    const [target, bytes] = [this.freshPath(), this.content()];
    const upload = () => put(this.#session, checkPath(target), sourceOf(bytes), VERB);
    return this.#do(`put ${target}`, upload, new Map(this.model).set(target, new Set([hashOf(bytes)])));
  }

  /** What lies below the own folder, as the mesh tells: names only. */
  async seen(): Promise<Set<string>> {
    const entries = await collected(listFolder(this.#session, checkPath(this.root), {}));
    return new Set(entries.filter((entry) => entry.contents.length > 0).map((entry) => entry.path));
  }

  async #do(what: string, act: () => Promise<unknown>, after: Model): Promise<void> {
    try {
      await act();
      this.model = after;
    } catch (thrown) {
      const { code, message } = asMeshError(thrown);
      this.failures.push(`${what}: ${code}: ${message}`);
      // What is done of it, and what not, only the mesh knows; contents are as before or as after.
      const may = new Map(after);
      for (const [path, hashes] of this.model) may.set(path, new Set([...(may.get(path) ?? []), ...hashes]));
      const names = await this.seen();
      this.model = new Map([...may].filter(([path]) => names.has(path)));
    }
  }
}

/** A person at one machine, acting in its folder with the means of the system. */
export class FolderWorker extends Worker {
  readonly #folder: string;

  constructor(root: string, seed: string, folder: string) {
    super(root, seed);
    this.#folder = folder;
    mkdirSync(join(folder, root), { recursive: true });
  }

  act(): void {
    this.acts += 1;
    const kind = this.random.pick(['save', 'save', 'write', 'rename', 'rename-folder', 'delete', 'delete-folder']);
    const [path, folder] = [this.somePath(), this.someFolder()];
    if (kind === 'rename' && path !== undefined) this.#rename(path, `${this.root}/n${this.acts}.txt`);
    else if (kind === 'rename-folder' && folder !== undefined) this.#rename(folder, `${this.root}/d${this.acts}`);
    else if (kind === 'delete' && path !== undefined) {
      rmSync(this.#at(path));
      this.model = this.without([path]);
    } else if (kind === 'delete-folder' && folder !== undefined) {
      rmSync(this.#at(folder), { recursive: true });
      this.model = this.without(this.below(folder));
    } else this.#write(this.freshPath(), this.content(), kind === 'save');
  }

  #write(path: string, bytes: Buffer, isSave: boolean): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true });
    const place = isSave ? `${this.#at(path)}.tmp~` : this.#at(path);
    writeFileSync(place, bytes);
    if (isSave) renameSync(place, this.#at(path));
    this.model = new Map(this.model).set(path, new Set([hashOf(bytes)]));
  }

  #rename(from: string, to: string): void {
    mkdirSync(dirname(this.#at(to)), { recursive: true });
    renameSync(this.#at(from), this.#at(to));
    this.model = this.moved(from, to);
  }

  #at(path: string): string {
    return join(this.#folder, path);
  }
}

/** Refusals that others at work on the same names explain. */
const EXPLAINED: ReadonlySet<string> = new Set([
  'overtaken',
  'conflict',
  'exists',
  'not-found',
  'busy',
  'unavailable',
  'gone',
  'changed',
]);

/** A person and a client who act on names that others act on too, so that nobody can tell what will be there. */
export class SharedWorker extends Worker {
  readonly failures: string[] = [];
  readonly #folder: string;
  readonly #session: Session;

  constructor(seed: string, name: string, folder: string, session: Session) {
    super('shared', `${seed}/${name}`);
    this.#folder = folder;
    this.#session = session;
    mkdirSync(join(folder, this.root), { recursive: true });
  }

  /** An act in the folder, on what lies there now: what went away meanwhile is no matter. */
  actInFolder(): void {
    this.acts += 1;
    const files = this.#files();
    const [file, other] = [this.freshPath(), this.freshPath()];
    const kind = this.random.pick(['save', 'save', 'rename', 'delete', 'rename-folder']);
    try {
      if (kind === 'save' || files.length === 0) this.#save(file);
      else if (kind === 'rename') this.#rename(this.random.pick(files), other);
      else if (kind === 'delete') rmSync(join(this.#folder, this.random.pick(files)));
      else this.#rename(`${this.root}/deep`, `${this.root}/${this.random.pick(['wide', 'broad'])}`);
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR'].includes(code)) throw thrown;
    }
  }

  async actAsClient(): Promise<void> {
    this.acts += 1;
    const session = this.#session;
    const [path, other] = [checkPath(this.freshPath()), checkPath(this.freshPath())];
    const kind = this.random.pick(['put', 'put', 'rename', 'delete', 'resolve', 'rename-folder']);
    const bytes = this.content();
    try {
      if (kind === 'put') await put(session, path, sourceOf(bytes), VERB);
      else if (kind === 'rename') await rename(session, path, other, {});
      else if (kind === 'delete') await remove(session, path, {});
      else if (kind === 'rename-folder') await rename(session, `${this.root}/wide`, `${this.root}/deep`, {});
      else await this.resolveOne();
    } catch (thrown) {
      const { code, message } = asMeshError(thrown);
      // Somebody else ended that conflict meanwhile.
      const isResolved = kind === 'resolve' && code === 'usage';
      if (!EXPLAINED.has(code) && !isResolved) this.failures.push(`${kind} ${path}: ${code}: ${message}`);
    }
  }

  /** Ends one conflict, if there is one. */
  async resolveOne(): Promise<boolean> {
    const [entry] = await collected(listEntries(this.#session, { conflicts: true }));
    if (entry === undefined) return false;
    const keep = this.random.chance(0.5) ? entry.contents[0]?.origin : undefined;
    await resolve(this.#session, entry.path, keep, {});
    return true;
  }

  /** Ends all conflicts, when nobody else acts any more; what was already under way may come in between. */
  async resolveAll(triesMax: number): Promise<void> {
    for (let tries = 0; tries < triesMax; tries++) {
      try {
        if (!(await this.resolveOne())) return;
      } catch (thrown) {
        if (!['usage', 'overtaken', 'busy', 'exists'].includes(asMeshError(thrown).code)) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    throw new Error('the conflicts have no end');
  }

  #files(): string[] {
    const names = readdirSync(join(this.#folder, this.root), { recursive: true, withFileTypes: true });
    return names.filter((name) => name.isFile()).map((name) => relative(this.#folder, join(name.parentPath, name.name)));
  }

  #save(path: string): void {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.tmp~`, this.content());
    renameSync(`${file}.tmp~`, file);
  }

  #rename(from: string, to: string): void {
    mkdirSync(dirname(join(this.#folder, to)), { recursive: true });
    renameSync(join(this.#folder, from), join(this.#folder, to));
  }
}
