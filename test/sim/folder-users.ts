import { asMeshError } from '../../src/core/errors.ts';
import { foldersOf } from '../../src/core/path.ts';
import type { History, OperationKind } from './history.ts';
import type { Mesh, MeshPeer } from './mesh.ts';
import { hashOf } from './mesh-state.ts';
import type { SimRandom } from './sim-random.ts';
import type { Contents } from './workload.ts';

/** ms between two acts of all people in all folders together. */
const PAUSE_MS_MAX = 5_000;
/** A commit on the slowest disk takes so long at most. */
const COMMIT_MS_MAX = 3_000;
/** Files of a folder that is copied in. */
const MANY_MIN = 3;
const MANY_MAX = 9;
/** A program that writes a file in two parts pauses so long at most. */
const GROWING_MS_MAX = 400;

export interface FolderUsersOptions {
  readonly mesh: Mesh;
  readonly history: History;
  readonly contents: Contents;
  readonly names: readonly string[];
  readonly random: SimRandom;
  /** Share of the acts that a program syncs; the others a power cut may undo. */
  readonly syncRate: number;
}

type Act = 'drop' | 'drop-many' | 'save' | 'write' | 'grow' | 'rename' | 'delete' | 'touch';
const ACTS: readonly Act[] = ['drop', 'drop', 'drop-many', 'save', 'save', 'write', 'grow', 'rename', 'delete', 'touch'];

/** People who use the shared folders as folders: they know nothing of the mesh. */
export class FolderUsers {
  readonly #options: FolderUsersOptions;
  /** By machine and path: where a commit put what lay there, and when. */
  readonly #asides = new Map<string, { place: string; atMs: number }>();
  #replacedNow: Uint8Array | undefined;
  #copied = 0;
  #isStopped = false;

  constructor(options: FolderUsersOptions) {
    this.#options = options;
    this.#watchCommits();
  }

  start(): void {
    const { mesh, random } = this.#options;
    mesh.scheduler.outside.after(random.between(100, PAUSE_MS_MAX), () => {
      if (this.#isStopped) return;
      const machine = random.pick(mesh.peers);
      const act = random.pick(ACTS);
      const path = random.pick(this.#options.names);
      if (canBeUsed(machine)) this.act(machine, act, path);
      this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** One act, done at once. A full disk and a folder in the way stop a person, and are no fault of the mesh. */
  act(machine: MeshPeer, act: Act, path: string): void {
    if (act === 'drop-many') {
      const count = MANY_MIN + this.#options.random.integer(MANY_MAX - MANY_MIN + 1);
      const folder = `copied-${this.#copied++}`;
      for (let index = 0; index < count; index++) this.act(machine, 'drop', `${folder}/${index}`);
      return;
    }
    try {
      this.#act(machine, act, path);
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code !== 'full' && code !== 'bad-place' && code !== 'exists' && code !== 'gone') throw thrown;
    }
  }

  #act(machine: MeshPeer, act: Act, path: string): void {
    const { drive } = machine.node;
    const there = drive.userRead(path);
    this.#replacedNow = there === undefined ? this.#midCommit(machine, path) : undefined;
    if (act === 'rename') {
      this.#rename(machine, path);
      return;
    }
    if (act === 'delete') {
      if (there === undefined) return;
      drive.userDelete(path);
      this.#did(machine, 'folder-delete', path, undefined, there);
      return;
    }
    if (act === 'touch') {
      // Equal bytes written once more: never a new version.
      if (there !== undefined) this.#write(machine, path, there, there, 'write');
      return;
    }
    if (act === 'drop' && there !== undefined) return;
    const { bytes } = this.#options.contents.fresh(machine.name);
    if (act !== 'grow') {
      this.#write(machine, path, bytes, there, act === 'save' ? 'save' : 'write');
      return;
    }
    const half = bytes.subarray(0, bytes.length >> 1);
    this.#options.contents.note(half);
    this.#write(machine, path, half, there, 'write');
    this.#options.mesh.scheduler.outside.after(this.#options.random.between(1, GROWING_MS_MAX), () => {
      if (!canBeUsed(machine)) return;
      const before = drive.userRead(path);
      if (before !== undefined && hashOf(before) === hashOf(half)) this.#write(machine, path, bytes, before, 'append');
    });
  }

  #write(
    machine: MeshPeer,
    path: string,
    bytes: Uint8Array,
    there: Uint8Array | undefined,
    how: 'write' | 'save' | 'append',
  ): void {
    const { drive } = machine.node;
    // A person whose disk is full writes nothing: half a file of theirs would be theirs to keep.
    if (drive.volume.usedBytes + bytes.length > drive.volume.capacityBytes) return;
    if (how === 'append') drive.userAppend(path, bytes.subarray(there?.length ?? 0));
    else if (how === 'save') drive.userSave(path, bytes);
    else drive.userWrite(path, bytes);
    this.#did(machine, how === 'save' ? 'save' : 'drop', path, bytes, there);
  }

  #rename(machine: MeshPeer, path: string): void {
    const to = this.#options.random.pick(this.#options.names);
    const { drive } = machine.node;
    const moved = drive.userRead(path);
    if (moved === undefined || to === path) return;
    const there = drive.userRead(to) ?? this.#midCommit(machine, to);
    drive.userRename(path, to);
    this.#mark(machine, path);
    this.#mark(machine, to);
    this.#options.history.folder(machine.name, 'folder-rename', [
      { path, reads: [hashOf(moved)], makes: undefined },
      { path: to, reads: there === undefined ? [] : [hashOf(there)], makes: hashOf(moved) },
    ]);
  }

  #did(machine: MeshPeer, kind: OperationKind, path: string, bytes: Uint8Array | undefined, there: Uint8Array | undefined): void {
    this.#mark(machine, path);
    if (kind === 'save' && machine.unsynced.has(path)) machine.unsynced.set(`${path}.tmp~`, this.#options.mesh.scheduler.nowMs);
    const seen = there ?? this.#replacedNow;
    const reads = seen === undefined ? [] : [hashOf(seen)];
    this.#options.history.folder(machine.name, kind, [{ path, reads, makes: bytes && hashOf(bytes) }]);
  }

  /**
   * For microseconds a commit leaves no file under its name; on a slow disk that lasts. What a person puts there then is an
   * edit of what lay there, by design: so for the history they had read it.
   */
  #watchCommits(): void {
    const { scheduler } = this.#options.mesh;
    const rename = /^[0-9.]+ ([a-z]+)#[0-9]+ disk rename (.*) (\.filemesh\/(?:versions|trash|stage)\/[^ ]+)$/;
    scheduler.trace.watch((line) => {
      const [, name, path, place] = rename.exec(line) ?? [];
      if (place !== undefined) this.#asides.set(`${name}/${path}`, { place, atMs: scheduler.nowMs });
    });
  }

  #midCommit(machine: MeshPeer, path: string): Uint8Array | undefined {
    const aside = this.#asides.get(`${machine.name}/${path}`);
    if (aside === undefined || this.#options.mesh.scheduler.nowMs - aside.atMs > COMMIT_MS_MAX) return undefined;
    return machine.node.drive.userRead(aside.place);
  }

  /** Either the program synced what it did, or a power cut may undo it. */
  #mark(machine: MeshPeer, path: string): void {
    const { mesh, random, syncRate } = this.#options;
    const { volume } = machine.node.drive;
    if (!random.chance(syncRate)) {
      machine.unsynced.set(path, mesh.scheduler.nowMs);
      return;
    }
    const inode = volume.lookup(path);
    if (inode?.kind === 'file') inode.sync();
    for (const folder of [...foldersOf(path).reverse(), ''])
      if (volume.lookup(folder)?.kind === 'folder') volume.syncFolder(folder);
    machine.unsynced.delete(path);
  }
}

function canBeUsed(machine: MeshPeer): boolean {
  const { drive, host } = machine.node;
  return machine.isOfThisWorld && host.isUp && drive.trouble === 'none' && drive.isMounted;
}
