import { blake3 } from '@napi-rs/blake-hash';
import { chunkContent, manifestDigest } from '../../src/core/chunking.ts';
import type { ContentHash, FilePath, MeshId, PeerId, RequestId, WriterId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { type FileVersion, makeVersion, type Tombstone, type Version } from '../../src/core/version.ts';
import { Folder, type FolderConfig, type Staging, type Step } from '../../src/folder/folder.ts';
import type { SimNode, SimPlatform } from '../sim/sim-node.ts';
import { SimWorld } from '../sim/sim-world.ts';
import { Others, TestLedger } from './test-ledger.ts';

const MESH = 'a'.repeat(64) as MeshId;
/** Lower and higher than any id of a bench in order. */
export const LOW = `0${'1'.repeat(63)}` as PeerId;
export const HIGH = `f${'e'.repeat(63)}` as PeerId;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const bytes = (text: string): Uint8Array => encoder.encode(text);
export const hashOf = (text: string): ContentHash => blake3(bytes(text)).toString('hex') as ContentHash;
export const path = (text: string): FilePath => checkPath(text);
export const request = (digit: string): RequestId => digit.repeat(32) as RequestId;

/** One machine with a folder under test on it, on virtual time. */
export class FolderBench {
  readonly world: SimWorld;
  readonly node: SimNode;
  readonly others = new Others();
  readonly config: FolderConfig;
  platform!: SimPlatform;
  ledger!: TestLedger;
  folder!: Folder;
  mesh = MESH;
  #starts = 0;
  #foreignCount = 0;
  readonly #stopPump: () => Promise<void>;

  constructor(seed = 'folder', config: Partial<FolderConfig> = {}) {
    this.world = new SimWorld(seed);
    this.node = this.world.addNode('alpha');
    this.config = { settleMs: 1_000, scanEveryMs: 60_000, ...config };
    this.#stopPump = this.world.scheduler.pump();
    // As Disk.prepare promises them: durable before anything is put there.
    for (const room of ['stage', 'siblings', 'versions', 'trash']) this.drive.userMakeFolder(`.filemesh/${room}`);
    this.drive.userSync();
  }

  get drive() {
    return this.node.drive;
  }

  get self(): PeerId {
    return this.node.id;
  }

  /** Starts the program and lets its first scan end. */
  async start(): Promise<void> {
    await this.boot();
    await this.folder.scan();
  }

  /** Starts the program. */
  async boot(): Promise<void> {
    this.#starts += 1;
    this.platform = this.node.start();
    const { disk, store, hasher, clock, random, log } = this.platform;
    this.ledger = new TestLedger(this.self, store, this.others, this.#starts.toString(16).padStart(16, '0'));
    await this.ledger.load();
    const options = { disk, store, hasher, clock, random: random.fork('folder'), log, ledger: this.ledger };
    this.folder = new Folder({ ...options, mesh: () => this.mesh, config: this.config });
    await this.folder.start();
  }

  async restart(): Promise<void> {
    this.node.kill();
    await this.start();
  }

  /** Restarts day after day: time is believed to pass no faster. */
  async days(count: number): Promise<void> {
    for (let day = 0; day < count; day++) {
      this.node.wall.offsetMs += 24 * 3_600_000;
      await this.restart();
      await this.pass(1_000);
    }
  }

  /** Lets virtual time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.scheduler.runFor(ms);
  }

  /** Lets the folder take in what a user did: settle time, and two scans for what is missing. */
  settle(): Promise<void> {
    return this.pass(4 * this.config.settleMs + 500);
  }

  async end(): Promise<void> {
    await this.folder?.stop();
    await this.#stopPump();
    if (this.world.scheduler.failure !== undefined) throw this.world.scheduler.failure;
  }

  write(name: string, text: string): void {
    this.drive.userWrite(name, bytes(text));
  }

  read(name: string): string | undefined {
    const content = this.drive.userRead(name);
    return content === undefined ? undefined : decoder.decode(content);
  }

  /** Current contents of a path in words: `content by origin`, with who holds them; tombstones without a content as `deleted`. */
  contents(name: string): ContentHash[] {
    return (this.ledger.view(path(name))?.contents ?? []).map((content) => content.hash);
  }

  tombstones(name: string): readonly Tombstone[] {
    return this.ledger.view(path(name))?.tombstones ?? [];
  }

  /** The one own file version held of a path. */
  held(name: string): FileVersion {
    const records = this.ledger.own(path(name)).filter((record) => record.holding === 'all');
    if (records.length !== 1 || records[0]?.version.kind !== 'file')
      throw new Error(`${records.length} versions of ${name} are held`);
    return records[0].version;
  }

  /** A version another peer makes and announces. */
  foreign(name: string, text: string, base: readonly Version[] = [], peer: PeerId = LOW): FileVersion {
    const content = bytes(text);
    const manifest = manifestDigest(
      chunkContent(content, (piece) => blake3(piece)),
      (piece) => blake3(piece).toString('hex'),
    );
    const hash = hashOf(text);
    const draft = {
      ...({ kind: 'file', hash, size: content.length, mode: 0o644, manifest, found: false } as const),
      ...{ origin: peer, modifiedMs: 1_700_000_000_000 },
    };
    const version = makeVersion(draft, base, this.#entry(peer), []) as FileVersion;
    this.others.announce(peer, path(name), version);
    return version;
  }

  foreignTombstone(name: string, base: readonly Version[], renamedTo?: string, peer: PeerId = LOW): Tombstone {
    const buried = base.filter((version) => version.kind === 'file').map((version) => version.hash);
    const draft = {
      ...({ kind: 'tombstone', buried, origin: peer, modifiedMs: 1_700_000_000_000 } as const),
      ...(renamedTo !== undefined && { renamedTo: path(renamedTo) }),
    };
    const version = makeVersion(draft, base, this.#entry(peer), []) as Tombstone;
    this.others.announce(peer, path(name), version, 'none');
    return version;
  }

  /** A staging with this content. */
  async staged(text: string, name = `s${this.#foreignCount++}`): Promise<Staging> {
    const staging = await this.folder.stage(name, bytes(text).length);
    await staging.write(0, bytes(text));
    return staging;
  }

  /** Fetches and keeps, as replication does. */
  async keep(name: string, version: FileVersion, text: string): Promise<void> {
    await this.folder.keep(path(name), version, await this.staged(text));
  }

  /** Keeps many small contents at once, as replication does; why each was not, or undefined. */
  async keepMany(wholes: readonly { name: string; version: FileVersion; text: string }[]): Promise<(string | undefined)[]> {
    const asked = wholes.map(({ name, version, text }) => ({ path: path(name), version, bytes: bytes(text) }));
    return (await this.folder.many.keep(asked)).map((error) => error?.code);
  }

  /** A put step. */
  async put(name: string, text: string, base: readonly Version[] = []): Promise<Step> {
    const staging = await this.staged(text);
    const digest = await staging.digest();
    return { kind: 'put', path: path(name), base, staging, digest, mode: 0o644, modifiedMs: 1_700_000_000_000 };
  }

  /** Files below `.filemesh/<room>/`. */
  private(room: string): string[] {
    return this.drive.userList({ withPrivate: true }).filter((name) => name.startsWith(`.filemesh/${room}/`));
  }

  /** Rows of the store below `f/<letter>/`. */
  async rows(letter: string): Promise<number> {
    return (await this.platform.store.range({ from: `f/${letter}/`, to: `f/${letter}0`, limit: 10_000 })).length;
  }

  #entry(peer: PeerId) {
    this.#foreignCount += 1;
    return { writer: `${peer.slice(0, 4)}${this.#foreignCount.toString(16).padStart(12, '0')}` as WriterId, counter: 1 };
  }
}
