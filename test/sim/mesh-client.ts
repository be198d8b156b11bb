import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { type Client, makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import type { Session } from '../../src/client/session.ts';
import type { Cut, Incoming, RunningHash, Sink, Source, VerbOptions } from '../../src/client/transfer.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import type { Address } from '../../src/platform/network.ts';
import type { SimNode } from './sim-node.ts';

/** Sources of so many bytes can cut themselves; whether they come by chunks the peer says. */
const CUT_BYTES_MIN = 40;
/** How long a verb waits while no peer answers. */
const TIMEOUT_MS = 10_000;

/** One machine with the real client on it. Each `open` is a new process: it knows the join line and some addresses. */
export class MeshClient {
  readonly node: SimNode;
  readonly #line: string;
  readonly #given: readonly Address[];
  /** What it keeps of a login, for each process: none, and it is nobody. */
  token: string | undefined;
  /** What the process that runs knows of its mesh. */
  memory: MeshMemory | undefined;
  #client: Client | undefined;
  #mourners: (() => void)[] = [];

  constructor(node: SimNode, line: string, given: readonly Address[]) {
    this.node = node;
    this.#line = line;
    this.#given = given;
  }

  get name(): string {
    return this.node.name;
  }

  /** The session of the process that runs; a new process when none does. `given`: where to start, instead of the usual. */
  open(given: readonly Address[] = this.#given): Session {
    if (this.#client !== undefined && this.node.incarnation !== undefined) return this.#client.session;
    if (this.node.incarnation !== undefined) this.node.kill();
    const platform = this.node.start();
    this.memory = new MeshMemory({ line: this.#line, facts: [] });
    this.#client = makeClient({
      platform,
      memory: this.memory,
      name: this.name,
      given,
      remembered: [],
      timeoutMs: TIMEOUT_MS,
    });
    // No link is up yet, so there is nobody to be told.
    if (this.token !== undefined) this.#client.session.signIn.use(this.token).catch(() => undefined);
    return this.#client.session;
  }

  /** The process is killed; its calls are never answered. */
  kill(): void {
    this.#client = undefined;
    this.node.kill();
    for (const mourn of this.#mourners.splice(0)) mourn();
  }

  /** Resolves when the process that runs now is killed. */
  death(): Promise<void> {
    return new Promise((resolve) => {
      this.#mourners.push(resolve);
    });
  }
}

/** BLAKE3 as bytes come. */
function newHash(): RunningHash {
  const hasher = new Blake3Hasher();
  return {
    update: (bytes) => {
      hasher.update(bytes);
    },
    hex: () => hasher.digest('hex') as ContentHash,
  };
}

export const VERB: VerbOptions = { newHash };

/** An upload from memory. */
export function sourceOf(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    ...(bytes.length >= CUT_BYTES_MIN && { cut: async () => cutOf(bytes) }),
    check: () => Promise.resolve(),
  };
}

/** As a thread would cut it. */
export function cutOf(bytes: Uint8Array): Cut {
  const manifest = encodeManifest(chunkContent(bytes, (chunk) => blake3(chunk)));
  const hash = blake3(bytes).toString('hex') as ContentHash;
  return { hash, manifest, manifestHash: blake3(manifest).toString('hex') as ContentHash };
}

/** Downloads into memory: what was finished, by shown path. */
export class MemorySinks {
  readonly saved = new Map<string, Uint8Array>();

  readonly open = (incoming: Incoming): Promise<Sink> => {
    const bytes = new Uint8Array(incoming.size);
    return Promise.resolve({
      write: (offset: number, piece: Uint8Array) => {
        bytes.set(piece, offset);
        return Promise.resolve();
      },
      finish: () => {
        this.saved.set(incoming.path, bytes);
        return Promise.resolve(incoming.path);
      },
      discard: () => Promise.resolve(),
    });
  };
}
