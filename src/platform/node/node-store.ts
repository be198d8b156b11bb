import type { Worker } from 'node:worker_threads';
import { invariant, MeshError } from '../../core/errors.ts';
import type { Store, StoreRange, StoreWrite } from '../store.ts';
import { type PackedRows, packRows, type StoreAnswer, type StoreAsk, type StorePart, unpackRows } from './store-messages.ts';
import { startWorker } from './worker-thread.ts';

const KEY_BYTES_MAX = 2048;
const VALUE_BYTES_MAX = 1024 * 1024;
const RANGE_ROWS_MAX = 10_000;
/** Writes packed and handed over in one turn of the event loop: some 5 ms. Range 1,000–20,000. */
const WRITES_A_TURN = 5_000;

type Question = StoreAsk extends infer Ask ? (Ask extends StoreAsk ? Omit<Ask, 'id'> : never) : never;

interface Waiting {
  resolve(rows: PackedRows): void;
  reject(thrown: Error): void;
}

/**
 * Opens the store in `file`, made if missing (its folder must be there). Rejects with `failed` when another peer has it
 * open, or when it is damaged; the message says what to do.
 */
export async function openNodeStore(file: string): Promise<NodeStore> {
  const store = new NodeStore(file);
  try {
    await store.get('');
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/** SQLite (libsql) in a worker thread. */
export class NodeStore implements Store {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** What is asked while a long batch is handed over: it goes behind that. */
  readonly #behind: (() => void)[] = [];
  #isHandingOver = false;
  #asked = 0;
  #ended: MeshError | undefined;
  #closed: Promise<void> | undefined;

  constructor(file: string) {
    this.#worker = startWorker('store-worker', file);
    this.#worker.unref();
    this.#worker.on('message', (answers: readonly StoreAnswer[]) => {
      for (const answer of answers) this.#settle(answer);
      // Only a store at work keeps the process alive.
      if (this.#waiting.size === 0) this.#worker.unref();
    });
    this.#worker.on('error', (thrown) => this.#end(new MeshError('failed', 'the thread of the store broke', { cause: thrown })));
    this.#worker.on('exit', () => this.#end(closed()));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const [row] = unpackRows(await this.#ask({ kind: 'get', key }));
    return row?.value;
  }

  async range(range: StoreRange): Promise<{ key: string; value: Uint8Array }[]> {
    invariant(range.limit >= 1 && range.limit <= RANGE_ROWS_MAX, 'a range has 1 to 10,000 rows');
    const rows = await this.#ask({ kind: 'range', range: { ...range } });
    return [...unpackRows(rows)].map(({ key, value }) => ({ key, value: value as Uint8Array }));
  }

  async batch(writes: readonly StoreWrite[]): Promise<void> {
    for (const { key, value } of writes) {
      invariant(key.length <= KEY_BYTES_MAX && (value?.length ?? 0) <= VALUE_BYTES_MAX, 'keys and values within their limits');
    }
    if (writes.length <= WRITES_A_TURN) await this.#ask({ kind: 'batch', writes: packRows(writes) });
    else if (this.#closed !== undefined) throw closed();
    else await new Promise<PackedRows>((resolve, reject) => this.#inOrder(() => this.#handOver(writes, { resolve, reject })));
  }

  /** The last part is the batch itself, and answered: the thread makes them one transaction. */
  #handOver(writes: readonly StoreWrite[], waiting: Waiting): void {
    this.#isHandingOver = true;
    const step = (from: number): void => {
      const to = from + WRITES_A_TURN;
      const packed = packRows(writes.slice(from, to));
      if (this.#ended === undefined && to < writes.length) {
        const part: StorePart = { kind: 'part', writes: packed };
        this.#worker.postMessage(part, [packed.bytes.buffer]);
        setImmediate(step, to);
        return;
      }
      this.#isHandingOver = false;
      this.#post({ kind: 'batch', writes: packed }, waiting);
      this.#goOn();
    };
    step(0);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Ends the thread as it stands, as a crash of the process would. For tests. */
  async crash(): Promise<void> {
    this.#closed ??= Promise.resolve();
    await this.#worker.terminate();
  }

  async #close(): Promise<void> {
    try {
      await this.#send({ kind: 'close' });
    } finally {
      await this.#worker.terminate();
    }
  }

  #ask(question: Question): Promise<PackedRows> {
    return this.#closed === undefined ? this.#send(question) : Promise.reject(closed());
  }

  #send(question: Question): Promise<PackedRows> {
    return new Promise((resolve, reject) => this.#inOrder(() => this.#post(question, { resolve, reject })));
  }

  #inOrder(act: () => void): void {
    this.#behind.push(act);
    this.#goOn();
  }

  #goOn(): void {
    while (!this.#isHandingOver) {
      const next = this.#behind.shift();
      if (next === undefined) return;
      next();
    }
  }

  #post(question: Question, waiting: Waiting): void {
    if (this.#ended !== undefined) {
      waiting.reject(this.#ended);
      return;
    }
    const id = this.#asked++;
    this.#waiting.set(id, waiting);
    this.#worker.ref();
    // What is to be written is nobody's here any more: it goes over as it is.
    this.#worker.postMessage({ ...question, id }, question.kind === 'batch' ? [question.writes.bytes.buffer] : []);
  }

  #settle(answer: StoreAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new MeshError(answer.error.code, answer.error.message));
    else waiting?.resolve(answer.rows);
  }

  #end(reason: MeshError): void {
    this.#ended ??= reason;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of left) reject(this.#ended);
  }
}

function closed(): MeshError {
  return new MeshError('failed', 'the store is closed');
}
