import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { type NodeStore, openNodeStore } from '../../src/platform/node/node-store.ts';
import type { Store } from '../../src/platform/store.ts';
import { runStoreAcceptance, type StoreBench } from './store-acceptance.ts';

class NodeStoreBench implements StoreBench {
  readonly folder: string;

  static async make(): Promise<NodeStoreBench> {
    return new NodeStoreBench(await mkdtemp(join(tmpdir(), 'filemesh-store-')));
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  open(): Promise<Store> {
    return openNodeStore(join(this.folder, 'store.db'));
  }

  crash(store: Store): Promise<void> {
    return (store as NodeStore).crash();
  }

  dispose(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

runStoreAcceptance('node', NodeStoreBench.make);

describe('store: node, a batch of very many writes', () => {
  const many = Array.from({ length: 30_000 }, (_, index) => ({ key: `m${index}`, value: new Uint8Array(8) }));

  it('is handed over in turns, each of some thousands, and is all there or not at all', async () => {
    const bench = await NodeStoreBench.make();
    const store = (await bench.open()) as NodeStore;
    let [handed, inTurn, inTurnMax] = [0, 0, 0];
    const real = Worker.prototype.postMessage;
    const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...sent) {
      const { writes } = sent[0] as { writes?: { keys: readonly string[] } };
      handed += writes?.keys.length ?? 0;
      inTurn += writes?.keys.length ?? 0;
      inTurnMax = Math.max(inTurnMax, inTurn);
      setImmediate(() => {
        inTurn = 0;
      });
      return real.apply(this, sent);
    });
    await store.batch(many);
    const whole = [handed, inTurnMax] as const;
    const there = await store.range({ from: 'm', to: 'n', limit: 10_000 });
    await store.batch(many.map(({ key }) => ({ key, value: undefined })));

    handed = 0;
    const torn = store.batch(many).catch(() => undefined);
    while (handed < 10_000) await new Promise<void>((resolve) => setImmediate(resolve));
    const isHalf = handed < many.length;
    await store.crash();
    await torn;
    post.mockRestore();
    const again = await bench.open();
    const left = await again.range({ from: 'm', to: 'n', limit: 1 });
    await again.close();
    await bench.dispose();
    expect([whole[0], there.length, isHalf, left]).toEqual([many.length, 10_000, true, []]);
    expect(whole[1]).toBeLessThanOrEqual(5_000);
  });
});

/** Another process that opens the store, says so, and writes on and on, telling each number that is durable. */
async function startWriter(file: string): Promise<{ child: ChildProcess; durable: () => number }> {
  const store = new URL('../../src/platform/node/node-store.ts', import.meta.url).href;
  const code = `
    const { openNodeStore } = await import(${JSON.stringify(store)});
    const store = await openNodeStore(${JSON.stringify(file)});
    for (let count = 0; ; count++) {
      const key = String(count).padStart(8, '0');
      await store.batch([{ key: 'a' + key, value: new Uint8Array(100) }, { key: 'b' + key, value: new Uint8Array(100) }]);
      process.stdout.write(count + '\\n');
    }`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (part) => {
    told += part;
  });
  await once(child.stdout, 'data');
  return { child, durable: () => told.split('\n').length - 1 };
}

describe('store: node, between processes', () => {
  it('is refused while another process has it, and has all that was durable when that one is killed', async () => {
    const bench = await NodeStoreBench.make();
    const { child, durable } = await startWriter(join(bench.folder, 'store.db'));
    await expect(bench.open()).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('another peer') });
    while (durable() < 50) await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    const store = await bench.open();
    const left = await store.range({ from: 'a', to: 'b', limit: 10_000 });
    const right = await store.range({ from: 'b', to: 'c', limit: 10_000 });
    expect(left.length).toBeGreaterThanOrEqual(durable());
    expect(right.map(({ key }) => key.slice(1))).toEqual(left.map(({ key }) => key.slice(1)));
    await store.close();
    await bench.dispose();
  });

  it('says what to do when its file is damaged', async () => {
    const bench = await NodeStoreBench.make();
    await writeFile(join(bench.folder, 'store.db'), 'no database at all '.repeat(1000));
    await expect(bench.open()).rejects.toMatchObject({ code: 'failed', message: expect.stringMatching(/damaged: move it away/) });
    await bench.dispose();
  });

  it('says so when its folder is missing', async () => {
    await expect(openNodeStore('/nowhere/at/all/store.db')).rejects.toMatchObject({ code: 'failed' });
  });
});
