import { Blake3Hasher } from '@napi-rs/blake-hash';
import { makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import type { Session } from '../../src/client/session.ts';
import type { Incoming, Sink, Source, VerbOptions } from '../../src/client/transfer.ts';
import { type Downloaded, download } from '../../src/client/verbs/download.ts';
import { selectEntries } from '../../src/client/verbs/listing.ts';
import type { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath } from '../../src/core/ids.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { SimWorld } from '../sim/sim-world.ts';
import { LINE, ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';

export const MIB = 1024 * 1024;
export const path = 'notes.txt' as FilePath;

export const options: VerbOptions = {
  newHash: () => {
    const hasher = new Blake3Hasher();
    return { update: (bytes) => void hasher.update(bytes), hex: () => hasher.digestBuffer().toString('hex') as ContentHash };
  },
};

/** Three scripted peers and a session that goes through the first, knowing all. */
export interface VerbBench {
  readonly world: SimWorld;
  readonly mesh: ScriptedMesh;
  readonly alpha: ScriptedPeer;
  readonly bravo: ScriptedPeer;
  readonly charlie: ScriptedPeer;
  readonly session: Session;
  /** What an earlier try left of a path: the sink of the next one has it. */
  readonly left: Map<string, Uint8Array>;
  /** What downloads finished, by path. */
  readonly saved: Map<string, Uint8Array>;
  /** Paths of downloads that were given up. */
  readonly discarded: string[];
  settle<T>(promise: Promise<T>): Promise<T>;
  fetch(name: string, more?: Partial<VerbOptions>): Promise<Downloaded>;
}

export async function openBench(): Promise<VerbBench> {
  const world = new SimWorld('verbs');
  const mesh = new ScriptedMesh(world);
  const alpha = await mesh.addPeer('alpha');
  const bravo = await mesh.addPeer('bravo');
  const charlie = await mesh.addPeer('charlie');
  const { session } = makeClient({
    platform: world.addNode('laptop').start(),
    memory: new MeshMemory({ line: LINE, facts: [] }),
    name: 'tester',
    given: [alpha.address],
    remembered: [],
    timeoutMs: 10_000,
  });
  const saved = new Map<string, Uint8Array>();
  const discarded: string[] = [];
  const left = new Map<string, Uint8Array>();
  const openSink = memorySinks(saved, discarded, left);
  const fetch = async (name: string, more: Partial<VerbOptions> = {}): Promise<Downloaded> => {
    const entries = await selectEntries(session, name, options);
    return await download(session, entries[0] as Entry, openSink, { ...options, ...more });
  };
  await world.scheduler.settle(session.connect());
  await world.scheduler.runFor(500);
  const settle = <T>(promise: Promise<T>) => world.scheduler.settle(promise);
  return { world, mesh, alpha, bravo, charlie, session, left, saved, discarded, settle, fetch };
}

function memorySinks(saved: Map<string, Uint8Array>, discarded: string[], left: Map<string, Uint8Array>) {
  return async (incoming: Incoming): Promise<Sink> => {
    const bytes = new Uint8Array(incoming.size);
    const before = left.get(incoming.path);
    bytes.set(before ?? []);
    let end = before?.length ?? 0;
    return {
      ...(before && {
        left: { bytes: end, read: async (offset, length) => bytes.slice(offset, Math.min(offset + length, end)) },
      }),
      write: async (offset, piece) => {
        bytes.set(piece, offset);
        end = offset + piece.length;
      },
      leave: async () => {
        if (end < MIB) return false;
        left.set(incoming.path, bytes.slice(0, end));
        return true;
      },
      finish: async () => {
        saved.set(incoming.path, bytes);
        return incoming.path;
      },
      discard: async () => void discarded.push(incoming.path),
    };
  };
}

export function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = index * 7 + (index >> 10);
  return bytes;
}

export function sourceOf(bytes: Uint8Array, check: () => Promise<void> = () => Promise.resolve()): Source {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length), check };
}

export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error: MeshError) => error.code,
  );
}

/** Kills the peer at its n-th call of a kind, which is never answered. */
export function killAt(peer: ScriptedPeer, name: 'read' | 'write' | 'change' | 'begin', nth: number): void {
  let calls = 0;
  peer.script[name] = (() => {
    if (++calls < nth) return undefined;
    peer.kill();
    return new Promise(() => {});
  }) as never;
}
