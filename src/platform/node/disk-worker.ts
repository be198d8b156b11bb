import { parentPort, workerData } from 'node:worker_threads';
import { asMeshError, type ErrorCode, invariant } from '../../core/errors.ts';
import { DirectorySync } from './directory-sync.ts';
import { type ACTS, DiskActs } from './disk-acts.ts';
import { blockThisThread } from './file-calls.ts';
import { blocksOf } from './moved-blocks.ts';

/** One act to do. */
export interface ActOrder {
  readonly id: number;
  readonly act: (typeof ACTS)[number];
  readonly asked: readonly unknown[];
}

export type ActAnswer =
  | { readonly id: number; readonly given: unknown }
  | { readonly id: number; readonly code: ErrorCode; readonly message: string };

const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
blockThisThread();
const root = workerData as string;
const acts = new DiskActs(root, new DirectorySync(root));
let answers: ActAnswer[] = [];
/** What was read, for the answers: it is nobody's here any more. */
let blocks: ArrayBuffer[] = [];

port.on('message', (orders: readonly ActOrder[]) => {
  for (const order of orders) void work(order);
});

async function work({ id, act, asked }: ActOrder): Promise<void> {
  try {
    const run = acts[act] as (...words: readonly unknown[]) => Promise<unknown>;
    const given = await run.apply(acts, asked as unknown[]);
    if (act === 'readMany') blocks.push(...blocksOf(given as readonly unknown[]));
    tell({ id, given });
  } catch (thrown) {
    const { code, message } = asMeshError(thrown);
    tell({ id, code, message });
  }
}

/** What ends in one turn is told by one message. */
function tell(answer: ActAnswer): void {
  answers.push(answer);
  if (answers.length > 1) return;
  setImmediate(() => {
    port?.postMessage(answers, blocks);
    answers = [];
    blocks = [];
  });
}
