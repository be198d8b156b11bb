import type {
  ActFault,
  CommitIntent,
  CommitOutcome,
  DiskPath,
  FileStat,
  NewFileIntent,
  RootState,
  StagedWhole,
  WholeFile,
} from '../disk.ts';
import type { Acts } from './disk-acts.ts';
import { DiskThread } from './disk-thread.ts';

export interface ThreadOptions {
  /** So many acts under way at once start the thread: few are done as quickly without. 0…1,000. */
  readonly fromActs?: number;
  /** A thread with nothing to do for so long is ended: it takes some 10 MB. 10…600,000 ms. */
  readonly idleMs?: number;
}

const FROM_ACTS = 12;
const IDLE_MS = 10_000;

/**
 * The acts of a busy disk, in a thread of their own: there each call is made at once, and many acts go there and back in
 * one message. A quiet disk's are done here.
 */
export class ActsInThread implements Acts {
  readonly #root: string;
  readonly #here: Acts;
  #fromActs: number;
  readonly #idleMs: number;
  #underWayHere = 0;
  #thread: DiskThread | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor(root: string, here: Acts, { fromActs = FROM_ACTS, idleMs = IDLE_MS }: ThreadOptions = {}) {
    this.#root = root;
    this.#here = here;
    this.#fromActs = fromActs;
    this.#idleMs = idleMs;
  }

  probe(): Promise<RootState> {
    return this.#do('probe');
  }

  stat(path: DiskPath): Promise<FileStat | undefined> {
    return this.#do('stat', path);
  }

  isGone(path: DiskPath): Promise<boolean> {
    return this.#do('isGone', path);
  }

  stageWhole(whole: StagedWhole): Promise<FileStat> {
    // A copy, should it be part of something larger: that would go over as a whole.
    return this.#do('stageWhole', { ...whole, bytes: new Uint8Array(whole.bytes) });
  }

  commit(intent: CommitIntent): Promise<CommitOutcome> {
    return this.#do('commit', intent);
  }

  statMany(paths: readonly DiskPath[]): Promise<readonly (FileStat | undefined | ActFault)[]> {
    return this.#doMany(paths.length, 'statMany', paths);
  }

  readMany(paths: readonly DiskPath[], options: { readonly sync: boolean }): Promise<readonly (WholeFile | ActFault)[]> {
    return this.#doMany(paths.length, 'readMany', paths, options);
  }

  stageMany(wholes: readonly StagedWhole[]): Promise<readonly (FileStat | ActFault)[]> {
    // One block, of all and of nothing else: what they are parts of would go over as a whole, once for each.
    const block = new Uint8Array(wholes.reduce((sum, { bytes }) => sum + bytes.length, 0));
    let at = 0;
    const packed = wholes.map((whole) => {
      block.set(whole.bytes, at);
      at += whole.bytes.length;
      return { ...whole, bytes: block.subarray(at - whole.bytes.length, at) };
    });
    return this.#doMany(wholes.length, 'stageMany', packed);
  }

  commitMany(intents: readonly NewFileIntent[]): Promise<readonly (CommitOutcome | ActFault)[]> {
    return this.#doMany(intents.length, 'commitMany', intents);
  }

  move(from: DiskPath, to: DiskPath): Promise<void> {
    return this.#do('move', from, to);
  }

  remove(path: DiskPath): Promise<void> {
    return this.#do('remove', path);
  }

  syncNames(path: DiskPath): Promise<void> {
    return this.#do('syncNames', path);
  }

  removeEmptyFolders(path: DiskPath): Promise<void> {
    return this.#do('removeEmptyFolders', path);
  }

  #do<Name extends keyof Acts>(act: Name, ...asked: Parameters<Acts[Name]>): Promise<Awaited<ReturnType<Acts[Name]>>> {
    return this.#doMany(1, act, ...asked);
  }

  /** `count`: acts that it is. */
  async #doMany<Name extends keyof Acts>(
    count: number,
    act: Name,
    ...asked: Parameters<Acts[Name]>
  ): Promise<Awaited<ReturnType<Acts[Name]>>> {
    type Given = Awaited<ReturnType<Acts[Name]>>;
    const isQuiet = this.#thread === undefined && this.#underWayHere + count <= this.#fromActs;
    const thread = isQuiet ? undefined : this.#running();
    if (thread !== undefined) return (await thread.do(act, asked)) as Given;
    this.#underWayHere += count;
    try {
      return await (this.#here[act] as (...words: unknown[]) => Promise<Given>)(...asked);
    } finally {
      this.#underWayHere -= count;
    }
  }

  /** Undefined on a system that gives no thread: then all is done here. */
  #running(): DiskThread | undefined {
    clearTimeout(this.#rest);
    try {
      this.#thread ??= this.#started();
    } catch {
      this.#fromActs = Number.POSITIVE_INFINITY;
    }
    return this.#thread;
  }

  #started(): DiskThread {
    const thread: DiskThread = new DiskThread(this.#root, {
      idle: () => this.#restLater(thread),
      gone: () => {
        if (this.#thread === thread) this.#thread = undefined;
        // It was given, and could not begin.
        if (!thread.hasAnswered) this.#fromActs = Number.POSITIVE_INFINITY;
      },
    });
    return thread;
  }

  #restLater(thread: DiskThread): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      // Out of sight first: a thread that ends is given nothing more.
      if (this.#thread === thread) this.#thread = undefined;
      thread.end().catch(() => {}); // It ends with the process at the latest.
    }, this.#idleMs);
    this.#rest.unref();
  }
}
