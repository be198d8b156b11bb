import { blake3 } from '@napi-rs/blake-hash';
import { chunkContent, encodeManifest, MANIFEST_FILE_BYTES_MIN } from '../../src/core/chunking.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { Fact } from '../../src/core/facts.ts';
import type { ContentHash, FilePath, RequestId, VersionKey } from '../../src/core/ids.ts';
import { NO_RUNS } from '../../src/core/striping.ts';
import type { Address, Pipe } from '../../src/platform/network.ts';
import type { Ask, CallName, Entry, Holder, Reply } from '../../src/wire/calls.ts';
import { greet } from '../../src/wire/greeting.ts';
import { parseMeshLine } from '../../src/wire/mesh-line.ts';
import { PipeLink } from '../../src/wire/pipe-link.ts';
import { type Answered, Switchboard } from '../../src/wire/switchboard.ts';
import type { SimNode, SimPlatform } from '../sim/sim-node.ts';
import type { SimWorld } from '../sim/sim-world.ts';

export const LINE = 'home/enjoy-pear-neck-crush-spin-whisper-guilt-eight';
const PORT = 4795;
const BASE = '00112233aabbccdd:1' as VersionKey;

export function hashOf(bytes: Uint8Array): ContentHash {
  return blake3(bytes).toString('hex') as ContentHash;
}

export function manifestOf(bytes: Uint8Array): Uint8Array {
  return encodeManifest(chunkContent(bytes, (chunk) => blake3(chunk)));
}

/** What all scripted peers know: the files with who holds them, and what was made by which request. */
export class ScriptedMesh {
  readonly world: SimWorld;
  readonly peers: ScriptedPeer[] = [];
  /** Contents of a path, with the names of their holders. */
  readonly files = new Map<string, { bytes: Uint8Array; holders: string[]; origin: string }[]>();
  /** Requests carried out, and what they made: at most once each. */
  readonly made = new Map<RequestId, { path: FilePath; hash: ContentHash | undefined }>();
  /** Every `change` asked, in order. */
  readonly asked: { peer: string; ask: Ask<'change'> }[] = [];

  constructor(world: SimWorld) {
    this.world = world;
  }

  put(path: string, bytes: Uint8Array, ...holders: string[]): void {
    const contents = this.files.get(path) ?? [];
    contents.push({ bytes, holders, origin: holders[0] ?? 'alpha' });
    this.files.set(path, contents);
  }

  async addPeer(name: string): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(this, name);
    this.peers.push(peer);
    await peer.start();
    return peer;
  }

  entry(path: FilePath): Entry {
    const contents = this.files.get(path);
    if (contents === undefined) throw new MeshError('not-found', 'no such file');
    return {
      path,
      contents: contents.map(({ bytes, holders, origin }) => ({
        hash: hashOf(bytes),
        size: bytes.length,
        modified: 1000,
        mode: 0o644,
        origin,
        shownPath: contents.length > 1 ? `${path} (${origin})` : path,
        versions: [BASE],
        holders: holders.map((holder) => this.#holder(holder)),
        ...(bytes.length >= MANIFEST_FILE_BYTES_MIN && { manifest: hashOf(manifestOf(bytes)) }),
        copies: holders.filter((holder) => this.#holder(holder).live).length,
      })),
      base: [BASE],
      wanted: 2,
    };
  }

  holders(...names: string[]): Holder[] {
    return names.map((name) => this.#holder(name));
  }

  #holder(name: string): Holder {
    const peer = this.peers.find((one) => one.node.name === name);
    if (peer === undefined) return { id: 'f'.repeat(64) as Holder['id'], name, live: false };
    return { id: peer.node.id, name, live: peer.isRunning, address: peer.address };
  }
}

/** What an answer of a scripted peer is replaced by; undefined: the ordinary answer. */
type Script = { [N in CallName]?: (ask: Ask<N>) => Promise<Answered<N>> | undefined };

/** A peer without a folder: it answers from the scripted mesh, and can be told to answer otherwise. */
export class ScriptedPeer {
  readonly node: SimNode;
  readonly script: Script = {};
  /** Calls answered, by name. */
  readonly counts = new Map<CallName, number>();
  readonly uploads = new Map<RequestId, Map<number, Uint8Array>>();
  readonly #mesh: ScriptedMesh;
  #platform: SimPlatform | undefined;
  #switchboard: Switchboard | undefined;

  constructor(mesh: ScriptedMesh, name: string) {
    this.#mesh = mesh;
    this.node = mesh.world.addNode(name);
  }

  get address(): Address {
    return `${this.node.host.ip}:${PORT}`;
  }

  get isRunning(): boolean {
    return this.node.incarnation !== undefined;
  }

  /** The client's links to it. */
  get clientCount(): number {
    return this.#switchboard?.clients().length ?? 0;
  }

  async start(): Promise<void> {
    const platform = this.node.start();
    this.#platform = platform;
    this.uploads.clear();
    this.#switchboard = new Switchboard(platform);
    this.#answerAll(this.#switchboard);
    await this.#mesh.world.scheduler.settle(platform.network.listen({ port: PORT, accept: (pipe) => this.#accept(pipe) }));
  }

  kill(): void {
    this.node.kill();
  }

  /** Tells facts to every client linked. */
  tell(...facts: Fact[]): void {
    for (const link of this.#switchboard?.clients() ?? []) link.note('facts', { facts });
  }

  count(name: CallName): number {
    return this.counts.get(name) ?? 0;
  }

  #accept(pipe: Pipe): void {
    const platform = this.#platform;
    const switchboard = this.#switchboard;
    if (platform === undefined || switchboard === undefined) return;
    const { secret } = parseMeshLine(LINE);
    greet(pipe, {
      role: 'peer',
      instance: '00112233aabbccdd',
      secrets: () => [{ generation: 1, secret }],
      standing: () => 'unknown',
      clock: platform.clock,
    })
      .then((greeted) => {
        const old = switchboard.link(greeted.peer);
        if (old !== undefined) switchboard.remove(old, 'replaced');
        switchboard.add(new PipeLink(greeted, switchboard, platform));
      })
      .catch(() => pipe.close());
  }

  #answerAll(switchboard: Switchboard): void {
    this.#answer(switchboard, 'hello', async () => this.#hello());
    this.#answer(switchboard, 'peers', async () => this.peersReply());
    this.#answer(switchboard, 'resume', async () => ({}));
    this.#answer(switchboard, 'remove', async () => ({ removed: true, onlyThere: [], more: 0 }));
    this.#answer(switchboard, 'locate', async ({ path }) => this.#mesh.entry(path));
    this.#answer(switchboard, 'list', async (ask) => this.#list(ask));
    this.#answer(switchboard, 'read', async (ask) => this.#read(ask));
    this.#answer(switchboard, 'manifest', async (ask) => this.#manifest(ask));
    this.#answer(switchboard, 'verify', async () => ({ intact: false }));
    this.#answer(switchboard, 'history', async () => ({ copies: [] }));
    this.#answer(switchboard, 'begin', async ({ upload }) => {
      const staged = this.uploads.get(upload) ?? new Map<number, Uint8Array>();
      this.uploads.set(upload, staged);
      let have = 0;
      for (let piece = staged.get(have); piece !== undefined; piece = staged.get(have)) have += piece.length;
      return { have, redirect: [] };
    });
    this.#answer(switchboard, 'chunks', async () => ({ state: 'more', here: 0 }));
    this.#answer(switchboard, 'stripe', async () => ({ more: false, have: NO_RUNS }));
    switchboard.answer('write', async ({ upload, offset }, _from, tail) => {
      this.counts.set('write', this.count('write') + 1);
      const scripted = this.script.write?.({ upload, offset });
      if (scripted !== undefined) return await scripted;
      const staged = this.uploads.get(upload);
      if (staged === undefined) throw new MeshError('gone', 'no such upload');
      staged.set(offset, tail.slice());
      return {};
    });
    this.#answer(switchboard, 'change', async (ask) => {
      this.#mesh.asked.push({ peer: this.node.name, ask });
      return this.makeChange(ask);
    });
  }

  #answer<N extends CallName>(switchboard: Switchboard, name: N, ordinary: (ask: Ask<N>) => Promise<Answered<N>>): void {
    switchboard.answer(name, async (ask) => {
      this.counts.set(name, this.count(name) + 1);
      const script = this.script[name] as ((ask: Ask<N>) => Promise<Answered<N>> | undefined) | undefined;
      return await (script?.(ask) ?? ordinary(ask));
    });
  }

  /** Carries a change out, once for each request. */
  makeChange(ask: Ask<'change'>): Reply<'change'> {
    const path = ask.change.kind === 'rename' ? ask.change.to : ask.change.path;
    if (!this.#mesh.made.has(ask.request)) {
      this.#mesh.made.set(ask.request, { path, hash: this.#uploaded(ask) });
    }
    const hash = ask.hash === undefined ? {} : { hash: ask.hash };
    return { done: [{ path, version: BASE, ...hash, copies: 2, wanted: 2 }], redirect: [] };
  }

  #uploaded({ change, size, hash }: Ask<'change'>): ContentHash | undefined {
    if (change.kind !== 'create' && change.kind !== 'put') return undefined;
    const staged = this.uploads.get(change.upload);
    if (staged === undefined) throw new MeshError('gone', 'no such upload');
    const bytes = new Uint8Array(size ?? 0);
    for (const [offset, piece] of staged) bytes.set(piece, offset);
    if (hashOf(bytes) !== hash) throw new MeshError('corrupt', 'other bytes came');
    return hashOf(bytes);
  }

  #hello(): Reply<'hello'> {
    return {
      name: this.node.name,
      caughtUp: true,
      load: { bytes: 0, capacity: 1, files: 0, incomingBytes: 0, incomingFiles: 0 },
      instance: '00112233aabbccdd',
      addresses: [this.address],
      factsDigest: hashOf(new Uint8Array(0)),
    };
  }

  /** What it says of all peers. */
  peersReply(): Reply<'peers'> {
    return {
      peers: this.#mesh.peers.map((peer) => ({
        id: peer.node.id,
        name: peer.node.name,
        address: peer.address,
        alive: peer.isRunning,
        since: 0,
        files: 0,
        bytes: 0,
        capacity: 1,
        self: peer === this,
      })),
    };
  }

  #list({ after, limit }: Ask<'list'>): Reply<'list'> {
    const paths = [...this.#mesh.files.keys()].sort().filter((path) => path > after);
    const page = paths.slice(0, Math.min(limit, 2));
    return {
      entries: page.map((path) => this.#mesh.entry(path as FilePath)),
      more: page.length < paths.length,
      next: page.at(-1) ?? after,
    };
  }

  #read({ offset, length, ...ask }: Ask<'read'>): Answered<'read'> {
    const bytes = this.#bytesOf(ask);
    return { reply: { size: bytes.length }, tail: bytes.slice(offset, offset + length) };
  }

  #manifest({ offset, ...ask }: Ask<'manifest'>): Answered<'manifest'> {
    const manifest = manifestOf(this.#bytesOf(ask));
    return { reply: { size: manifest.length }, tail: manifest.slice(offset) };
  }

  #bytesOf({ path, hash, relay }: Pick<Ask<'manifest'>, 'path' | 'hash' | 'relay'>): Uint8Array {
    const content = this.#mesh.files.get(path)?.find((one) => hashOf(one.bytes) === hash);
    const isHere = content?.holders.includes(this.node.name) === true;
    if (content === undefined || (!isHere && relay !== true)) throw new MeshError('gone', 'not here');
    return content.bytes;
  }
}
