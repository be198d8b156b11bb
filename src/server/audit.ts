import type { z } from 'zod';
import { asMeshError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import { logEntryShape } from '../wire/account-calls.ts';
import type { Reply } from '../wire/calls.ts';

/** Entries kept, the newest. Range 1,000–100,000: some 300 bytes each, in memory too. */
export const AUDIT_ENTRIES_MAX = 10_000;
/** Of one user so many: nobody washes out what others did by doing much. Range: a tenth to a half of all. */
export const AUDIT_OF_ONE_MAX = AUDIT_ENTRIES_MAX / 4;
/** What is noted of a login with a wrong name or password: under whatever name was tried, so all of these count as one's. */
export const LOGIN_REFUSED = 'login refused';
/** Entries that go into the store at once. */
const BATCH_MAX = 500;
/** What the store refused, as on a full disk, is tried again after so long. Range 1 s – 10 min. */
const RETRY_MS = 30_000;
/** Entries read from the store at once. */
const PAGE_ROWS = 1_000;
const PREFIX = 's/audit/';
/** As many as 2^53 has: so the order of keys is that of entries. */
const SEQUENCE_DIGITS = 16;

export type LogEntry = Reply<'log'>['entries'][number];

const UNREADABLE: LogEntry = { at: 0, user: '', action: 'unreadable', subject: '', from: '', peer: '?' };

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
}

const storedShape = logEntryShape as z.ZodType<LogEntry>;

/** Who did what, as this peer carried it out: in its store, the newest entries of all, and of one user at most a quarter. */
export class Audit {
  readonly #slice: Slice;
  /** Oldest first, each with the number it is stored by. */
  readonly #entries: { readonly sequence: number; readonly entry: LogEntry }[] = [];
  /** Entries of each user: see `whoseOf`. */
  readonly #counts = new Map<string, number>();
  /** Of those that have `made`: see `deedKey`. */
  readonly #deeds = new Set<string>();
  /**
   * What the store has not taken yet, by key, oldest first. However long it refuses: at most the entries kept, as many stored ones
   * that are to go, and one batch.
   */
  readonly #unwritten = new Map<string, StoreWrite>();
  #loaded: Promise<void> | undefined;
  /** What the store was given last: refused, it may be there all the same. */
  #given: ReadonlyMap<string, StoreWrite> = new Map();
  #isWriting = false;
  #isTriedLater = false;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Notes one entry, and what was asked for again once; it is durable a moment later, and nobody waits for that. */
  note(entry: LogEntry): void {
    this.#note(entry).catch((thrown: unknown) => this.#failed(thrown));
  }

  /** Those that `wanted` says yes to, newest first. */
  async newest(wanted: (entry: LogEntry) => boolean, limit: number): Promise<LogEntry[]> {
    await this.#load();
    const found: LogEntry[] = [];
    for (let at = this.#entries.length - 1; at >= 0 && found.length < limit; at--) {
      const { entry } = this.#entries[at] as { readonly entry: LogEntry };
      if (wanted(entry)) found.push(entry);
    }
    return found;
  }

  async #note(entry: LogEntry): Promise<void> {
    await this.#load();
    if (entry.made !== undefined && this.#deeds.has(deedKey(entry))) return;
    const sequence = (this.#entries.at(-1)?.sequence ?? 0) + 1;
    this.#add(sequence, entry);
    const key = keyOf(sequence);
    this.#unwritten.set(key, { key, value: Buffer.from(JSON.stringify(entry)) });
    const whose = whoseOf(entry);
    if ((this.#counts.get(whose) ?? 0) > AUDIT_OF_ONE_MAX)
      this.#drop(this.#entries.findIndex((one) => whoseOf(one.entry) === whose));
    while (this.#entries.length > AUDIT_ENTRIES_MAX) this.#drop(0);
    await this.#write();
  }

  #add(sequence: number, entry: LogEntry): void {
    this.#entries.push({ sequence, entry });
    const whose = whoseOf(entry);
    this.#counts.set(whose, (this.#counts.get(whose) ?? 0) + 1);
    if (entry.made !== undefined) this.#deeds.add(deedKey(entry));
  }

  #drop(at: number): void {
    const [dropped] = this.#entries.splice(at, 1);
    if (dropped === undefined) return;
    const key = keyOf(dropped.sequence);
    // One that never came into the store need not go out of it.
    if (this.#unwritten.has(key) && !this.#given.has(key)) this.#unwritten.delete(key);
    else this.#unwritten.set(key, { key, value: undefined });
    this.#deeds.delete(deedKey(dropped.entry));
    const whose = whoseOf(dropped.entry);
    const left = (this.#counts.get(whose) ?? 1) - 1;
    if (left > 0) this.#counts.set(whose, left);
    else this.#counts.delete(whose);
  }

  /** What comes while a batch is on its way goes with the next one; what the store refuses is tried again. */
  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#unwritten.size > 0) {
        this.#given = new Map([...this.#unwritten].slice(0, BATCH_MAX));
        await this.#slice.store.batch([...this.#given.values()]);
        for (const [key, write] of this.#given) if (this.#unwritten.get(key) === write) this.#unwritten.delete(key);
      }
    } catch (thrown) {
      this.#tryLater();
      throw thrown;
    } finally {
      this.#isWriting = false;
    }
  }

  #tryLater(): void {
    if (this.#isTriedLater) return;
    this.#isTriedLater = true;
    this.#slice.clock.after(RETRY_MS, () => {
      this.#isTriedLater = false;
      this.#write().catch((thrown: unknown) => this.#failed(thrown));
    });
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#loadNow().catch((thrown: unknown) => {
      this.#loaded = undefined;
      throw thrown;
    });
    return this.#loaded;
  }

  async #loadNow(): Promise<void> {
    for (let from = PREFIX; ; ) {
      const rows = await this.#slice.store.range({ from, to: `${PREFIX}~`, limit: PAGE_ROWS });
      for (const { key, value } of rows) {
        // One that cannot be read has its number all the same.
        this.#add(Number(key.slice(PREFIX.length)), entryIn(value) ?? UNREADABLE);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) return;
      from = `${last.key}!`;
    }
  }

  #failed(thrown: unknown): void {
    this.#slice.log.warn('what was done could not be noted', { error: asMeshError(thrown).message });
  }
}

/** Equal for entries of one deed: who did what, with what, and what came of it. */
export function deedKey({ user, action, subject, made = '' }: LogEntry): string {
  return JSON.stringify([user, action, subject, made]);
}

/** Whose entry it is, as far as room goes; no account has a name with a space. */
function whoseOf({ user, action }: LogEntry): string {
  return action === LOGIN_REFUSED ? LOGIN_REFUSED : user;
}

function keyOf(sequence: number): string {
  return `${PREFIX}${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
}

/** Undefined for what cannot be read. */
function entryIn(value: Uint8Array): LogEntry | undefined {
  try {
    return storedShape.safeParse(JSON.parse(Buffer.from(value).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
