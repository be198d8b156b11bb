import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { asMeshError, type ErrorCode, MeshError } from '../core/errors.ts';
import type { ContentHash, PeerId } from '../core/ids.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Ask, type Reply, TAIL_BYTES_MAX } from '../wire/calls.ts';
import { Gate } from '../wire/gate.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { askedVersion, isRecordHere } from './asked-version.ts';

/**
 * The owner may know of versions a moment before their records have come here. What is not known by then waits by itself, longer.
 */
const RECORDS_WAIT_MS = 500;
/** Those that go the way of single contents are waited for so long, then the answer tells them as late. 100…5,000 ms. */
const LATE_MS = 500;
/** Batches kept at once, each up to 1 MiB in memory; more wait. 1…16. */
const BATCHES_MAX = 4;
const WAITING_MAX = 64;
/**
 * A holder that does not answer by then is left to the way of single contents, which asks others too. All batches may be asked
 * of one at once: over a slow link, 1 MiB/s, each takes a second, and what comes too late is sent for nothing.
 */
const READ_DEADLINE_MS = 3_000 + BATCHES_MAX * 1_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly waiters: PathWaiters;
  /** The way of single contents. */
  readonly take: (ask: Ask<'place'>) => Promise<void>;
}

type Item = Ask<'place-many'>['items'][number];

/** An item whose version is known here. */
interface Known {
  readonly index: number;
  readonly item: Item;
  readonly version: FileVersion;
}

/** Takes many small contents at once; those for which that will not do go the way of single ones. */
export class TakingMany {
  readonly #slice: Slice;
  readonly #gate = new Gate(BATCHES_MAX, WAITING_MAX);
  #turn = 0;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * Resolves when each is here, verified, durable and recorded, or declined, or told as late: that one is still being taken. Rejects
   * with `paused` or `busy`: none was taken.
   */
  async take({ items, holders }: Ask<'place-many'>): Promise<Reply<'place-many'>> {
    const { folder } = this.#slice;
    const { paused } = folder;
    if (paused !== undefined) throw new MeshError('paused', paused);
    const left = new Set(items.keys());
    await this.#gate.pass(async () => {
      for (const index of await this.#takeTogether(items, holders)) left.delete(index);
    });
    const declined: { item: number; code: ErrorCode }[] = [];
    const single = [...left].map(async (index) => {
      const item = items[index] as Item;
      await this.#slice.take({ ...item, holders }).catch((thrown: unknown) => {
        declined.push({ item: index, code: asMeshError(thrown).code });
      });
      left.delete(index);
    });
    if (single.length > 0) await this.#soon(Promise.all(single));
    return { declined: [...declined], ...(left.size > 0 && { late: [...left] }) };
  }

  /** Resolves when that ends, or takes longer. */
  #soon(act: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#slice.clock.after(LATE_MS, resolve);
      act.then(() => resolve(), reject).finally(() => timer.cancel());
    });
  }

  /** The indexes of those that were taken. */
  async #takeTogether(items: readonly Item[], holders: readonly PeerId[]): Promise<number[]> {
    const { catalog, folder, switchboard, log } = this.#slice;
    // What is limited is shared out by single reads.
    if (switchboard.limits.down !== undefined) return [];
    await this.#recordsOf(items);
    const known: Known[] = [];
    for (const [index, item] of items.entries()) {
      const version = askedVersion(catalog, item);
      if (version !== undefined && version.size === item.size && folder.many.isSimple(item.path, version))
        known.push({ index, item, version });
    }
    const taking = this.#bySource(known, holders).map(([link, some]) =>
      this.#takeFrom(link, some).catch((thrown: unknown) => {
        log.debug('a batch could not be taken', { count: some.length, reason: asMeshError(thrown).message });
        return [];
      }),
    );
    return (await Promise.all(taking)).flat();
  }

  async #takeFrom(link: Link, some: readonly Known[]): Promise<number[]> {
    const asked = [...new Map(some.map(({ item: { path, hash } }) => [hash, { path, hash }])).values()];
    const { reply, tail } = await link.call('read-many', { items: asked }, { deadlineMs: READ_DEADLINE_MS });
    const came = new Map<ContentHash, Uint8Array>();
    let at = 0;
    for (const [place, { hash }] of asked.entries()) {
      const size = reply.sizes[place] ?? -1;
      if (size < 0) continue;
      if (at + size <= tail.length) came.set(hash, tail.subarray(at, at + size));
      at += size;
    }
    const there = some.flatMap(({ index, item: { path, hash, size }, version }) => {
      const bytes = came.get(hash);
      return bytes?.length === size ? [{ index, whole: { path, version, bytes } }] : [];
    });
    if (there.length === 0) return [];
    const errors = await this.#slice.folder.many.keep(there.map(({ whole }) => whole));
    return there.filter((_, place) => errors[place] === undefined).map(({ index }) => index);
  }

  /** By who is asked for them, as many as one answer has room for; equal contents are read once. Holders take turns. */
  #bySource(known: readonly Known[], named: readonly PeerId[]): [Link, Known[]][] {
    const { catalog, switchboard } = this.#slice;
    const turn = this.#turn++;
    const batches: { link: Link; bytes: number; hashes: Set<ContentHash>; some: Known[] }[] = [];
    for (const one of known) {
      const { path, hash, size } = one.item;
      const content = catalog.view(path)?.contents.find((each) => each.hash === hash);
      const holders = new Set([...(content?.holders ?? []), ...named]);
      const links = [...holders].map((peer) => switchboard.link(peer)).filter((link) => link !== undefined);
      const link = links[turn % links.length];
      if (link === undefined) continue;
      const open =
        batches.find(({ hashes }) => hashes.has(hash)) ??
        batches.find((batch) => batch.link === link && batch.bytes + size <= TAIL_BYTES_MAX);
      if (open === undefined) batches.push({ link, bytes: size, hashes: new Set([hash]), some: [one] });
      else {
        if (!open.hashes.has(hash)) open.bytes += size;
        open.hashes.add(hash);
        open.some.push(one);
      }
    }
    return batches.map(({ link, some }) => [link, some]);
  }

  /** Waits for the records that are on their way, for all of them together no longer than for one. */
  async #recordsOf(items: readonly Item[]): Promise<void> {
    const { catalog, clock, waiters } = this.#slice;
    const untilMs = clock.now() + RECORDS_WAIT_MS;
    for (const item of items) {
      const isHere = () => isRecordHere(catalog, item);
      if (isHere()) continue;
      const leftMs = untilMs - clock.now();
      if (leftMs <= 0 || !(await waiters.until(item.path, isHere, leftMs))) return;
    }
  }
}
