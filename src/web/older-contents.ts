import { type Copy, readOlder } from '../client/verbs/history.ts';
import type { Take } from '../client/verbs/reading.ts';
import { unlessStopped } from '../client/waiting.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import { quote } from '../core/path.ts';
import type { Range } from '../core/range.ts';
import { WebFailure } from './failures.ts';
import { inTurn, keeperOf, waitLonger } from './owners.ts';
import type { Call } from './route.ts';
import { readSpooled, type Spool, type SpoolFile, whyFull, writeAll } from './spool.ts';
import { OLDER_IDLE_MS_MAX } from './time-limits.ts';
import { Turns } from './turns.ts';

/** Contents that are kept or come, and those that one account had brought. Range 2–64. */
const KEPT_MAX = 8;
const KEPT_OF_ONE_MAX = 4;
/** Those that come at once, and those that wait; of one address or account half of them. Range 2–16. */
const COMING = { atOnce: 4, ofOne: 2, waiting: 32, waitingOfOne: 16 };
/** Bytes sent at once. Range 64 KiB – 4 MiB. */
const PIECE_BYTES = 1024 * 1024;

/** An older content, by its hash and size. */
type Wanted = Pick<Copy, 'hash' | 'size'>;
/** For whom one is brought: over their session, so that each comes only to those who may have it. */
type Asking = Pick<Call, 'session' | 'who' | 'request' | 'reply' | 'signal' | 'options'>;
/** Gives the bytes of a range, in order. */
export type Read = (range: Range, take: Take) => Promise<void>;

/** One content on its way into its file, or all of it there and proved. */
interface Kept extends Wanted {
  /** Who had it brought first: see `keeperOf`. */
  readonly owner: string | undefined;
  /** Absent before it begins to come. */
  file?: SpoolFile;
  digest: { update(bytes: Uint8Array): void; hex(): string };
  /** Peers that gave what is in the file. */
  readonly givers: Set<PeerId>;
  /** Those that gave wrong bytes before: they are left out. */
  readonly wrong: Set<PeerId>;
  /** So many of its first bytes are in the file. */
  came: number;
  state: 'coming' | 'proved' | 'damaged';
  /** While one request brings it, the others wait for that. */
  bringing: Promise<void> | undefined;
  /** Requests that wait for it. */
  readonly waiting: Set<Asking>;
  /** Requests that wait for it or read it. */
  users: number;
  usedMs: number;
}

/**
 * What files were before, kept for a while by whoever asked: a film is sought in by many ranges, and comes once. The peers give an
 * older content from its first byte on and prove it as a whole, so all of it lies in the spool before a byte is shown. Whoever
 * brings it may go: what came stays, and the next one goes on from there.
 */
export class OlderContents {
  readonly #spool: Spool;
  /** The one that was not used for longest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #turns = new Turns(COMING);
  readonly #sweeping: NodeJS.Timeout;

  constructor(spool: Spool) {
    this.#spool = spool;
    spool.onFull(() => this.#endIdle(0));
    this.#sweeping = setInterval(() => void this.#endIdle(OLDER_IDLE_MS_MAX), OLDER_IDLE_MS_MAX / 10);
    this.#sweeping.unref();
  }

  /**
   * Runs `work` once all of an older content is here and proved. Whoever asks was told of it by the peers a moment ago, and so may
   * have it. Rejects with 503 where too many come, 507 without room, `corrupt`, or `not-found` when it went meanwhile.
   */
  async lend<T>(asking: Asking, path: FilePath, wanted: Wanted, work: (read: Read) => Promise<T>): Promise<T> {
    const kept = this.#enter(asking, wanted);
    try {
      await this.#arrival(kept, asking, path);
      return await work((range, take) => readRange(kept, range, take));
    } finally {
      await this.#leave(kept);
    }
  }

  /** All connections are closed by now. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    await Promise.allSettled([...this.#kept.values()].map(({ bringing }) => bringing));
    await Promise.all([...this.#kept.values()].map((kept) => this.#end(kept)));
  }

  #enter(asking: Asking, { hash, size }: Wanted): Kept {
    const key = keyOf({ hash, size });
    const kept = this.#kept.get(key) ?? this.#begin({ hash, size }, keeperOf(asking), asking.options);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.users++;
    return kept;
  }

  #begin(wanted: Wanted, owner: string | undefined, { newHash }: Asking['options']): Kept {
    const all = [...this.#kept.values()];
    const own = all.filter((kept) => kept.owner === owner);
    if (own.length >= KEPT_OF_ONE_MAX || all.length >= KEPT_MAX) {
      const idle = (own.length >= KEPT_OF_ONE_MAX ? own : all).find(({ users }) => users === 0);
      if (idle === undefined) {
        const words = 'too many older versions are read at this peer at once; try again in a moment';
        throw new WebFailure(503, 'busy', words, { 'retry-after': '10' });
      }
      void this.#end(idle);
    }
    const state = { came: 0, state: 'coming', bringing: undefined, users: 0, usedMs: performance.now() } as const;
    return { ...wanted, owner, digest: newHash(), givers: new Set(), wrong: new Set(), waiting: new Set(), ...state };
  }

  /** Resolves when all of it is here. One at a time brings it; when that one goes, the next goes on. */
  async #arrival(kept: Kept, asking: Asking, path: FilePath): Promise<void> {
    kept.waiting.add(asking);
    waitLonger(asking);
    try {
      while (kept.state === 'coming') {
        if (kept.bringing !== undefined) {
          await unlessStopped(
            kept.bringing.catch(() => undefined),
            asking.signal,
          );
          continue;
        }
        kept.bringing = inTurn(this.#turns, asking, () => this.#bring(kept, asking, path)).finally(() => {
          kept.bringing = undefined;
        });
        await kept.bringing;
      }
    } finally {
      kept.waiting.delete(asking);
    }
    if (kept.state === 'damaged') {
      const words = `every copy of that older version of ${quote(path)} came damaged; "history" lists what else is kept`;
      throw new MeshError('corrupt', words);
    }
  }

  /** One try: all of it is proved then, or damaged, or to be brought anew from others than those who gave wrong bytes. */
  async #bring(kept: Kept, asking: Asking, path: FilePath): Promise<void> {
    const { session, options } = asking;
    kept.file ??= await this.#spool.file(keeperOf(asking), kept.size);
    const { handle, claim } = kept.file;
    while (kept.came < kept.size) {
      const wanted = { hash: kept.hash, size: kept.size, offset: kept.came, without: [...kept.wrong] };
      const given = await readOlder(session, path, wanted, options).catch((thrown: unknown) => {
        if (kept.wrong.size > 0 && asMeshError(thrown).code === 'not-found') return undefined;
        throw thrown;
      });
      // Nobody is left who did not give wrong ones.
      if (given === undefined) return this.#endDamaged(kept);
      const { bytes, by } = given;
      if (by !== undefined) kept.givers.add(by);
      if (bytes.length === 0) break;
      await writeAll(handle, bytes, kept.came).catch((thrown) => {
        throw whyFull(thrown);
      });
      kept.digest.update(bytes);
      kept.came += bytes.length;
      claim.came(bytes.length);
      for (const waiting of kept.waiting) waitLonger(waiting);
    }
    if (kept.came === kept.size && kept.digest.hex() === kept.hash) {
      kept.state = 'proved';
      return;
    }
    const known = kept.wrong.size;
    for (const peer of kept.givers) kept.wrong.add(peer);
    if (kept.wrong.size === known) return this.#endDamaged(kept);
    kept.givers.clear();
    kept.digest = options.newHash();
    await handle.truncate(0);
    claim.came(-kept.came);
    kept.came = 0;
  }

  /** Whoever asks next has it brought anew. */
  #endDamaged(kept: Kept): void {
    kept.state = 'damaged';
    this.#kept.delete(keyOf(kept));
  }

  async #leave(kept: Kept): Promise<void> {
    kept.users--;
    kept.usedMs = performance.now();
    const isOfUse = kept.file !== undefined && kept.state !== 'damaged';
    if (kept.users === 0 && !isOfUse) await this.#end(kept);
  }

  /** Lets go of those that nobody used for so long. True when there were any. */
  async #endIdle(idleMs: number): Promise<boolean> {
    const nowMs = performance.now();
    const idle = [...this.#kept.values()].filter(({ users, usedMs }) => users === 0 && nowMs - usedMs >= idleMs);
    await Promise.all(idle.map((kept) => this.#end(kept)));
    return idle.length > 0;
  }

  async #end(kept: Kept): Promise<void> {
    if (this.#kept.get(keyOf(kept)) === kept) this.#kept.delete(keyOf(kept));
    const { file } = kept;
    delete kept.file;
    // Of a file without a name nothing stays, whatever its close says.
    await file?.end().catch(() => undefined);
  }
}

/** Whoever tells another size is not believed by those that were told the right one. */
function keyOf({ hash, size }: Wanted): string {
  return `${hash}/${size}`;
}

async function readRange({ file }: Kept, { offset, length }: Range, take: Take): Promise<void> {
  if (file === undefined) throw new MeshError('closed', 'the peer stops');
  const end = offset + length;
  for (let at = offset; at < end; at += PIECE_BYTES)
    await take(await readSpooled(file.handle, at, Math.min(PIECE_BYTES, end - at)));
}
