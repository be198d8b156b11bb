import { blake3 } from '@napi-rs/blake-hash';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Log } from '../../src/platform/log.ts';
import type { Store } from '../../src/platform/store.ts';
import type { SimNode } from './sim-node.ts';
import { SimRandom } from './sim-random.ts';
import type { StoreFile } from './sim-store.ts';

const PRIVATE = '.filemesh/';
const RUNS = `${PRIVATE}runs/`;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const stopped: Clock = { now: () => 0, wall: () => 0, after: () => ({ cancel() {} }) };

export function hashOf(bytes: Uint8Array): ContentHash {
  return blake3(bytes).toString('hex') as ContentHash;
}

/** What one machine has on its disk and in its store now, seen from outside, without asking its programs. */
export interface MachineState {
  readonly catalog: Catalog;
  /** Content hash of every file in the folder under its own name. */
  readonly plain: ReadonlyMap<string, ContentHash>;
  /** Hashes of what lies in each room of `.filemesh`, by room. */
  readonly rooms: ReadonlyMap<string, ReadonlySet<ContentHash>>;
  /** Runs that lie here: hash of each run's bytes, by content and number. */
  readonly runs: ReadonlyMap<string, ReadonlyMap<number, ContentHash>>;
}

/** Call it between two runs of the loop only: reading a catalog takes promises, and no virtual time. */
export async function stateOf(node: SimNode): Promise<MachineState> {
  const catalog = await Catalog.open({
    self: node.id,
    store: frozen(node.store),
    clock: stopped,
    random: new SimRandom('reader'),
    log: silent,
  });
  const rooms = new Map<string, Set<ContentHash>>();
  const runs = new Map<string, Map<number, ContentHash>>();
  for (const path of node.drive.userList({ withPrivate: true })) {
    if (!path.startsWith(PRIVATE)) continue;
    const room = path.slice(PRIVATE.length).split('/')[0] as string;
    const bytes = node.drive.userRead(path);
    if (bytes === undefined) continue;
    rooms.set(room, (rooms.get(room) ?? new Set()).add(hashOf(bytes)));
    const [content = '', run] = room === 'runs' ? path.slice(RUNS.length).split('-') : [];
    if (run !== undefined) runs.set(content, (runs.get(content) ?? new Map()).set(Number(run), hashOf(bytes)));
  }
  return { catalog, plain: plainHashes(node), rooms, runs };
}

export function plainHashes(node: SimNode): Map<string, ContentHash> {
  const hashes = new Map<string, ContentHash>();
  for (const path of node.drive.userList()) {
    const bytes = node.drive.userRead(path);
    if (bytes !== undefined) hashes.set(path, hashOf(bytes));
  }
  return hashes;
}

/** Content hash of every private file, by its place. */
export function privateHashes(node: SimNode): Map<string, ContentHash> {
  const hashes = new Map<string, ContentHash>();
  for (const place of node.drive.userList({ withPrivate: true })) {
    const bytes = place.startsWith(PRIVATE) ? node.drive.userRead(place) : undefined;
    if (bytes !== undefined) hashes.set(place, hashOf(bytes));
  }
  return hashes;
}

/** Reading only. */
function frozen(file: StoreFile): Store {
  return {
    get: (key) => Promise.resolve(file.get(key)),
    range: (range) => Promise.resolve(file.range(range)),
    batch: () => Promise.reject(new Error('a reader from outside writes nothing')),
    close: () => Promise.resolve(),
  };
}
