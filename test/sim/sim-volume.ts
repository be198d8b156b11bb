import { MeshError } from '../../src/core/errors.ts';
import { baseName, COMPONENT_BYTES_MAX, foldCase, folderOf, foldersOf, quote, utf8Bytes } from '../../src/core/path.ts';
import { FileInode, FolderInode, type Inode } from './sim-inode.ts';

/** Of the files given back, the last so many are looked at for a number to use again. */
const FREED_LOOKED_AT = 8;

/** Wall and virtual time of the machine the volume is in. */
export interface VolumeClock {
  wallMs(): number;
  nowMs(): number;
}

/** One change of names, atomic: a rename is both its halves. Not durable until one of its folders is synced. */
export interface NameChange {
  readonly atMs: number;
  readonly parts: readonly { readonly folder: FolderInode; readonly name: string; readonly inode: Inode | undefined }[];
}

/**
 * One file system: inodes, names, room. All acts are those of POSIX, at once and on the volatile state; what a power cut
 * leaves of it is decided in sim-volume-crash.ts. Errors: `gone`, `exists`, `bad-place`, `full`.
 */
export class Volume {
  readonly device: number;
  readonly clock: VolumeClock;
  root = new FolderInode();
  /** Changes of names since their folders were synced, oldest first. */
  pending: NameChange[] = [];
  capacityBytes: number;
  usedBytes = 0;
  /** Finds a name whatever its case is, and keeps it as it was given, as the disks of macOS do. */
  foldsCase = false;
  #nextInode = 2;
  /** Files that were given back, the latest last. */
  #freed: FileInode[] = [];

  constructor(device: number, capacityBytes: number, clock: VolumeClock) {
    this.device = device;
    this.capacityBytes = capacityBytes;
    this.clock = clock;
  }

  /** What lies at `path` (`''`: the root). Undefined when nothing does, or when a part of the way is no folder. */
  lookup(path: string): Inode | undefined {
    if (path === '') return this.root;
    let inode: Inode = this.root;
    for (const name of path.split('/')) {
      const next: Inode | undefined = inode.kind === 'folder' ? inode.entries.get(this.#nameIn(inode, name)) : undefined;
      if (next === undefined) return undefined;
      inode = next;
    }
    return inode;
  }

  /** Its folders list it so. */
  isNamed(path: string): boolean {
    return [...foldersOf(path), path].every((each) => {
      const folder = this.lookup(folderOf(each));
      return folder?.kind === 'folder' && folder.entries.has(baseName(each));
    });
  }

  /** Throws `bad-place` when no file can be at `path`: a name no disk has, or something that is no folder on the way. */
  refuseImpossible(path: string): void {
    for (const each of [...foldersOf(path), path]) refuseName(each);
    for (const folder of foldersOf(path)) {
      const inode = this.lookup(folder);
      if (inode !== undefined && inode.kind !== 'folder') throw new MeshError('bad-place', `${quote(folder)} is no folder`);
    }
  }

  file(path: string): FileInode {
    const inode = this.lookup(path);
    if (inode?.kind !== 'file') throw new MeshError('gone', `there is no file ${quote(path)}`);
    return inode;
  }

  create(path: string): FileInode {
    const [folder, name] = this.#place(path);
    this.#refuseTaken(folder, name, path);
    const file = new FileInode(this.#takeNumber(), this.clock.wallMs());
    this.#change([{ folder, name, inode: file }]);
    return file;
  }

  /** Gives `inode` one more name; fails with `exists` when there is something. */
  link(inode: Inode, path: string): void {
    const [folder, name] = this.#place(path);
    this.#refuseTaken(folder, name, path);
    this.#change([{ folder, name, inode }]);
  }

  unlink(path: string): void {
    const inode = this.lookup(path);
    if (inode === undefined || inode.kind === 'folder') throw new MeshError('gone', `there is no file ${quote(path)}`);
    const [folder, name] = this.#place(path);
    this.#change([{ folder, name, inode: undefined }]);
    this.release(inode);
  }

  /** rename(2): what lies at `to` is replaced, unless it is a folder. */
  rename(from: string, to: string): void {
    const inode = this.lookup(from);
    if (inode === undefined) throw new MeshError('gone', `there is nothing at ${quote(from)}`);
    const [fromFolder, fromName] = this.#place(from);
    const [toFolder, toName] = this.#place(to);
    const replaced = toFolder.entries.get(toName);
    // Its own name in other case.
    const isRecased = replaced === inode && baseName(to) !== toName;
    if (replaced === inode && !isRecased) return;
    if (!isRecased && (replaced?.kind === 'folder' || (inode.kind === 'folder' && replaced !== undefined))) {
      throw new MeshError('exists', `there is something at ${quote(to)}`);
    }
    if (inode.kind === 'folder' && `${to}/`.startsWith(`${from}/`))
      throw new MeshError('bad-place', 'a folder does not fit into itself');
    this.#change([
      { folder: fromFolder, name: fromName, inode: undefined },
      { folder: toFolder, name: isRecased ? baseName(to) : toName, inode },
    ]);
    if (replaced !== undefined && !isRecased) this.release(replaced);
  }

  /** Makes the folder `path` and those above it. */
  makeFolders(path: string): void {
    for (const each of path === '' ? [] : [...foldersOf(path), path]) {
      const found = this.lookup(each);
      if (found?.kind === 'folder') continue;
      if (found !== undefined) throw new MeshError('bad-place', `${quote(each)} is no folder`);
      this.link(new FolderInode(), each);
    }
  }

  /** rmdir(2): false when it is not empty, not there or no folder. */
  removeFolder(path: string): boolean {
    const inode = this.lookup(path);
    if (path === '' || inode?.kind !== 'folder' || inode.entries.size > 0) return false;
    const [folder, name] = this.#place(path);
    this.#change([{ folder, name, inode: undefined }]);
    return true;
  }

  write(file: FileInode, offset: number, bytes: Uint8Array): void {
    this.#reserve(file, offset + bytes.length);
    file.write(offset, bytes, this.clock.wallMs(), this.clock.nowMs());
  }

  /** Sparse room is counted as if it were filled: stricter than a real disk. */
  truncate(file: FileInode, size: number): void {
    if (size > file.size) this.#reserve(file, size);
    else this.usedBytes -= file.size - size;
    file.truncate(size, this.clock.wallMs(), this.clock.nowMs());
  }

  /**
   * fsync of a directory: every change of its names is durable, with what a journal cannot keep apart from them: earlier
   * changes of folders that share a change with it.
   */
  syncFolder(path: string): void {
    const folder = this.lookup(path);
    if (folder?.kind !== 'folder') throw new MeshError('gone', `there is no folder ${quote(path)}`);
    const touched = new Set<FolderInode>([folder]);
    const kept: NameChange[] = [];
    const durable: NameChange[] = [];
    for (const change of this.pending.toReversed()) {
      const isJoined = change.parts.some((part) => touched.has(part.folder));
      if (isJoined) for (const part of change.parts) touched.add(part.folder);
      (isJoined ? durable : kept).push(change);
    }
    for (const change of durable.reverse()) makeDurable(change);
    this.pending = kept.reverse();
  }

  /** Gives back the room of a file that neither names nor descriptors hold. */
  release(inode: Inode): void {
    if (inode.kind !== 'file' || inode.links > 0 || inode.opens > 0) return;
    this.usedBytes -= inode.size;
    this.#freed.push(inode);
  }

  /** An independent copy of this volume as programs see it now, wholly durable: an image that a backup keeps. */
  clone(): Volume {
    const copy = new Volume(this.device, this.capacityBytes, this.clock);
    const copies = new Map<Inode, Inode>();
    copy.root = cloneFolder(this.root, copies);
    copy.#nextInode = this.#nextInode;
    copy.foldsCase = this.foldsCase;
    for (const inode of copies.values()) if (inode.kind === 'file') copy.usedBytes += inode.size;
    return copy;
  }

  #place(path: string): [FolderInode, string] {
    const name = refuseName(path);
    const folder = this.lookup(folderOf(path));
    if (folder === undefined) throw new MeshError('gone', `there is no folder for ${quote(path)}`);
    if (folder.kind !== 'folder') throw new MeshError('bad-place', `${quote(path)} lies below something that is no folder`);
    return [folder, this.#nameIn(folder, name)];
  }

  /** The name a folder has for what is asked for by that one. */
  #nameIn({ entries }: FolderInode, name: string): string {
    if (!this.foldsCase || entries.has(name)) return name;
    return [...entries.keys()].find((one) => foldCase(one) === foldCase(name)) ?? name;
  }

  #refuseTaken(folder: FolderInode, name: string, path: string): void {
    if (folder.entries.has(name)) throw new MeshError('exists', `there is something at ${quote(path)}`);
  }

  #change(parts: NameChange['parts']): void {
    for (const { folder, name, inode } of parts) {
      const before = folder.entries.get(name);
      if (before?.kind === 'file') before.links -= 1;
      if (inode === undefined) folder.entries.delete(name);
      else folder.entries.set(name, inode);
      if (inode?.kind === 'file') inode.links += 1;
      for (const touched of [before, inode]) if (touched?.kind === 'file') touched.changed(this.clock.wallMs());
    }
    this.pending.push({ atMs: this.clock.nowMs(), parts });
  }

  #reserve(file: FileInode, size: number): void {
    const growth = Math.max(0, size - file.size);
    if (this.usedBytes + growth > this.capacityBytes) throw new MeshError('full', 'the disk is full');
    this.usedBytes += growth;
  }

  /**
   * Freed numbers come back, as on ext4: an inode number alone proves nothing. Not before the end of the file is durable:
   * after a power cut no two files have one number.
   */
  #takeNumber(): number {
    for (const inode of this.#freed.slice(-FREED_LOOKED_AT).reverse()) {
      if (this.#mayReturn(inode)) continue;
      this.#freed = this.#freed.filter((one) => one !== inode);
      // A power cut brought it back.
      if (inode.links === 0) return inode.number;
    }
    return this.#nextInode++;
  }

  /** True while the platter has a name of it that programs do not see. */
  #mayReturn(inode: FileInode): boolean {
    return this.pending.some(({ parts }) => parts.some(({ folder, name }) => folder.durable.get(name) === inode));
  }
}

/** The last component of `path`, unless no disk can have it. */
function refuseName(path: string): string {
  const name = baseName(path);
  if (name === '' || name === '.' || name === '..' || name.includes('\0') || utf8Bytes(name) > COMPONENT_BYTES_MAX) {
    throw new MeshError('bad-place', `no disk can have a file ${quote(path)}`);
  }
  return name;
}

export function makeDurable(change: NameChange): void {
  for (const { folder, name, inode } of change.parts) {
    if (inode === undefined) folder.durable.delete(name);
    else folder.durable.set(name, inode);
  }
}

function cloneFolder(folder: FolderInode, copies: Map<Inode, Inode>): FolderInode {
  const copy = new FolderInode();
  for (const [name, inode] of folder.entries) {
    const known = copies.get(inode);
    const cloned =
      known ?? (inode.kind === 'folder' ? cloneFolder(inode, copies) : inode.kind === 'file' ? inode.clone() : inode);
    copies.set(inode, cloned);
    if (cloned.kind === 'file') cloned.links += 1;
    copy.entries.set(name, cloned);
    copy.durable.set(name, cloned);
  }
  return copy;
}
