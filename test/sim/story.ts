import type { Session } from '../../src/client/session.ts';
import { changeAsk, makeChange } from '../../src/client/verbs/change.ts';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import { download } from '../../src/client/verbs/download.ts';
import { findEntry, presentEntry } from '../../src/client/verbs/listing.ts';
import { create, put } from '../../src/client/verbs/upload.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { halfFiles, pending, statesOf } from './check-state.ts';
import { History } from './history.ts';
import { JOIN_LINE, Mesh, type MeshOptions, type MeshPeer, STORY } from './mesh.ts';
import { MemorySinks, MeshClient, sourceOf, VERB } from './mesh-client.ts';
import { hashOf } from './mesh-state.ts';

/** Virtual time a healed story may take to converge. */
const CONVERGE_MS_MAX = 120_000;

/** A mesh for one story told in acts: people say what they do, the mesh does it in virtual time. */
export class Story {
  readonly mesh: Mesh;
  #doors = 0;

  constructor(seed: string, options: Partial<MeshOptions> = {}) {
    this.mesh = new Mesh({ ...STORY, ...options, seed });
  }

  /** Starts all peers, and waits until each sees every other. */
  async formed(): Promise<void> {
    this.mesh.startAll();
    await this.allSee(this.mesh.peers.length);
  }

  /** Waits until each peer that runs sees so many alive, itself included. */
  async allSee(count: number): Promise<void> {
    const running = () => this.mesh.survivors.filter((machine) => machine.peer !== undefined);
    const sees = (machine: MeshPeer) => machine.peer?.peers().peers.filter((one) => one.alive).length === count;
    await this.mesh.until(`each sees ${count}`, () => running().length > 0 && running().every(sees), 60_000);
  }

  /** A client of its own that starts at one peer. */
  at(name: string): Session {
    this.#doors += 1;
    const node = this.mesh.world.addNode(`person${this.#doors}`);
    return new MeshClient(node, JOIN_LINE, [this.mesh.peer(name).address]).open();
  }

  /** The host of the last person who came with `at`, to partition it with others. */
  get lastPerson(): string {
    return `person${this.#doors}`;
  }

  create(session: Session, path: string, text: string) {
    return this.mesh.settle(create(session, checkPath(path), sourceOf(Buffer.from(text)), VERB));
  }

  put(session: Session, path: string, text: string) {
    return this.mesh.settle(put(session, checkPath(path), sourceOf(Buffer.from(text)), VERB));
  }

  remove(session: Session, path: string) {
    return this.mesh.settle(remove(session, path, {}));
  }

  rename(session: Session, from: string, to: string) {
    return this.mesh.settle(rename(session, from, to, {}));
  }

  resolve(session: Session, path: string, keep: string | undefined) {
    return this.mesh.settle(resolve(session, path, keep, {}));
  }

  /** Deletes by a request that can be asked again. */
  async removeBy(session: Session, path: string, request: RequestId): Promise<void> {
    const { base } = await this.entry(session, path);
    const ask = changeAsk(request, { kind: 'delete', path: checkPath(path) }, base);
    await this.mesh.settle(makeChange(session, ask, undefined));
  }

  entry(session: Session, path: string): Promise<Entry> {
    return this.mesh.settle(presentEntry(session, checkPath(path)));
  }

  /** Texts under one name as a client sees them, sorted; empty: there is no such file. */
  async texts(session: Session, path: string): Promise<string[]> {
    const entry = await this.mesh.settle(findEntry(session, checkPath(path)));
    if (entry === undefined || entry.contents.length === 0) return [];
    const sinks = new MemorySinks();
    await this.mesh.settle(download(session, entry, sinks.open, VERB));
    return [...sinks.saved.values()].map((bytes) => Buffer.from(bytes).toString()).sort();
  }

  /** The code a verb is refused with; `done` when it is not. */
  async codeOf(verb: Promise<unknown>): Promise<string> {
    try {
      await verb;
      return 'done';
    } catch (thrown) {
      return asMeshError(thrown).code;
    }
  }

  /** What lies in a folder under a name, as text. */
  file(machine: string, path: string): string | undefined {
    const bytes = this.mesh.peer(machine).node.drive.userRead(path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }

  /** Peers in whose folder that text lies under that name. */
  holders(path: string, text: string): string[] {
    return this.mesh.peers.filter(({ name }) => this.file(name, path) === text).map(({ name }) => name);
  }

  /** Waits until the survivors agree, have their copies, and their disks are as their catalogs say; `known`: all there may be. */
  async converged(known?: readonly string[]): Promise<void> {
    const contents = new Map((known ?? []).map((text) => [hashOf(Buffer.from(text)), Buffer.from(text)] as const));
    let found = ['not looked yet'];
    const look = async () => {
      const states = await statesOf(this.mesh);
      const history = new History(this.mesh.scheduler);
      for (const [hash, bytes] of contents) history.contents.set(hash, bytes);
      const half = known === undefined ? [] : halfFiles(states, history);
      found = [...pending(this.mesh, states, history.contents), ...half].map(({ words }) => words);
      return found.length === 0;
    };
    try {
      await this.mesh.until('the mesh converges', look, CONVERGE_MS_MAX, 1_000);
    } catch {
      throw new Error(`the mesh did not converge: ${found.join('; ')}`);
    }
  }
}
