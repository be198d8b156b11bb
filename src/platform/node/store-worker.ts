import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import Database from 'libsql';
import { invariant } from '../../core/errors.ts';
import { type PackedRows, packRows, type StoreAnswer, type StoreAsk, type StorePart, unpackRows } from './store-messages.ts';
import { systemCode } from './system-error.ts';

/** Batches that share one transaction, and so one sync of the disk. Range 1–1,000: more delays the first too long. */
const GROUP_BATCHES_MAX = 256;
/** Pages of the database in memory. Keys come in no order, so many of them are touched. Range 1,000–32,000 KiB. */
const CACHE_KIB = 8_000;
/** Pages of the log before they are brought into the database, which costs two syncs: 16 MiB. Range 1,000–10,000. */
const LOG_PAGES_MAX = 4_000;
/** Rows set by one statement: to call the database takes longer than to set one. Range 1–1,000. */
const SETS_A_CALL = 32;
const NOTHING: PackedRows = packRows([]);

const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
const file = workerData as string;

type Row = [key: string, value: Uint8Array];
/** With all its parts. */
interface Batch {
  readonly kind: 'batch';
  readonly id: number;
  readonly writes: readonly PackedRows[];
}
type Read = Exclude<StoreAsk, { kind: 'batch' }>;

/** The open database and its statements. */
class Table {
  readonly #database: Database.Database;
  readonly #get: Database.Statement;
  readonly #range: Database.Statement;
  readonly #set: Database.Statement;
  readonly #setMany: Database.Statement;
  readonly #remove: Database.Statement;

  constructor(path: string) {
    this.#database = new Database(path);
    try {
      // Exclusive before the first access: then the lock is held as long as the file is open, and ends with the process.
      this.#database.pragma('locking_mode = EXCLUSIVE');
      this.#database.pragma('busy_timeout = 0');
      this.#database.pragma('journal_mode = WAL');
      this.#database.pragma('synchronous = FULL');
      this.#database.pragma(`cache_size = -${CACHE_KIB}`);
      this.#database.pragma(`wal_autocheckpoint = ${LOG_PAGES_MAX}`);
      this.#database.exec('BEGIN EXCLUSIVE');
      this.#database.exec('CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
      this.#database.exec('COMMIT');
      this.#get = this.#database.prepare('SELECT key, value FROM kv WHERE key = ?').raw();
      const range = 'SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT ?';
      this.#range = this.#database.prepare(range).raw();
      const set = 'REPLACE INTO kv (key, value) VALUES (?, ?)';
      this.#set = this.#database.prepare(set);
      this.#setMany = this.#database.prepare(`${set}${', (?, ?)'.repeat(SETS_A_CALL - 1)}`);
      this.#remove = this.#database.prepare('DELETE FROM kv WHERE key = ?');
    } catch (thrown) {
      this.#database.close();
      throw thrown;
    }
  }

  get(key: string): PackedRows {
    return packed(this.#get.all(key) as Row[]);
  }

  range(from: string, to: string, limit: number): PackedRows {
    return packed(this.#range.all(from, to, limit) as Row[]);
  }

  /** One transaction: when it throws, nothing of it is there. */
  write(batches: readonly PackedRows[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      let sets: Row[] = [];
      const setWhatWaits = () => {
        this.#setAll(sets);
        sets = [];
      };
      for (const batch of batches) {
        for (const { key, value } of unpackRows(batch)) {
          if (value === undefined) {
            setWhatWaits();
            this.#remove.run(key);
          } else if (sets.push([key, value]) === SETS_A_CALL) setWhatWaits();
        }
      }
      setWhatWaits();
      this.#database.exec('COMMIT');
    } catch (thrown) {
      // SQLite itself has rolled back already after some errors, a full disk among them.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw thrown;
    }
  }

  /** In their order: of those of one key the last counts. SETS_A_CALL at most. */
  #setAll(sets: readonly Row[]): void {
    if (sets.length === SETS_A_CALL) this.#setMany.run(sets.flat());
    else for (const [key, value] of sets) this.#set.run(key, value);
  }

  close(): void {
    this.#database.close();
  }
}

function packed(rows: readonly Row[]): PackedRows {
  return packRows(rows.map(([key, value]) => ({ key, value })));
}

// The first ask tells whether it could be opened.
let table: Table | undefined;
/** Of the next batch, as far as it has come: nothing else is asked before the rest of it. */
let parts: PackedRows[] = [];

port.on('message', (first: StoreAsk | StorePart) => {
  const asks: (Batch | Read)[] = [];
  for (let next: StoreAsk | StorePart | undefined = first; next !== undefined; ) {
    if (next.kind === 'part') parts.push(next.writes);
    else asks.push(next.kind === 'batch' ? wholeOf(next) : next);
    if (asks.length >= GROUP_BATCHES_MAX) break;
    next = (receiveMessageOnPort(port) as { message: StoreAsk | StorePart } | undefined)?.message;
  }
  if (asks.length === 0) return;
  const answers: StoreAnswer[] = [];
  for (let at = 0; at < asks.length; ) {
    const batches = batchesFrom(asks, at);
    if (batches.length > 0) answers.push(...writeGroup(batches));
    else answers.push(answer(asks[at] as Read));
    at += Math.max(1, batches.length);
  }
  port.postMessage(answers);
});

function wholeOf({ id, writes }: Extract<StoreAsk, { kind: 'batch' }>): Batch {
  const all = [...parts, writes];
  parts = [];
  return { kind: 'batch', id, writes: all };
}

/** The batches that follow each other from `at` on. */
function batchesFrom(asks: readonly (Batch | Read)[], at: number): Batch[] {
  const batches: Batch[] = [];
  for (let next = asks[at]; next?.kind === 'batch'; next = asks[at + batches.length]) batches.push(next);
  return batches;
}

/** All in one transaction; when that fails each in its own, so that only those that cannot be written are refused. */
function writeGroup(batches: readonly Batch[]): StoreAnswer[] {
  const grouped = attempt(
    batches.map(({ id }) => id),
    () => opened().write(batches.flatMap(({ writes }) => writes)),
  );
  if (batches.length === 1 || grouped.every((each) => 'rows' in each)) return grouped;
  return batches.flatMap(({ id, writes }) => attempt([id], () => opened().write(writes)));
}

function attempt(ids: readonly number[], act: () => void): StoreAnswer[] {
  try {
    act();
    return ids.map((id) => ({ id, rows: NOTHING }));
  } catch (thrown) {
    const error = errorOf(thrown);
    return ids.map((id) => ({ id, error }));
  }
}

function answer(ask: Read): StoreAnswer {
  try {
    return { id: ask.id, rows: perform(ask) };
  } catch (thrown) {
    return { id: ask.id, error: errorOf(thrown) };
  }
}

function perform(ask: Read): PackedRows {
  switch (ask.kind) {
    case 'get':
      return opened().get(ask.key);
    case 'range':
      return opened().range(ask.range.from, ask.range.to, ask.range.limit);
    case 'close':
      table?.close();
      table = undefined;
      return NOTHING;
  }
}

function opened(): Table {
  table ??= new Table(file);
  return table;
}

function errorOf(thrown: unknown): { code: 'full' | 'failed'; message: string } {
  const code = systemCode(thrown) ?? '';
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  if (code === 'SQLITE_FULL') return { code: 'full', message: 'the disk is full: the store cannot be written; free some space' };
  if (code === 'SQLITE_BUSY') return { code: 'failed', message: 'the folder is in use by another peer; stop that one first' };
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    const advice = `move it away (with its -wal file, if there is one) and start again: the peer then reads its folder anew`;
    return { code: 'failed', message: `the store ${file} is damaged: ${advice}` };
  }
  return { code: 'failed', message: `the store ${file}: ${words}${code === '' ? '' : ` (${code})`}` };
}
