import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/platform/store.ts';

export interface StoreBench {
  /** Opens the one store of this bench: empty the first time, as it was left afterwards. */
  open(): Promise<Store>;
  /** Ends the store as a crash of the process does, where the bench can: what is resolved stays, nothing waits. */
  crash?(store: Store): Promise<void>;
  dispose(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : new TextDecoder().decode(value));

/** What every Store keeps to. */
export function runStoreAcceptance(name: string, makeBench: () => Promise<StoreBench>): void {
  describe(`store: ${name}`, () => {
    let bench: StoreBench;
    let store: Store;
    beforeEach(async () => {
      bench = await makeBench();
      store = await bench.open();
    });
    afterEach(async () => {
      await store.close().catch(() => undefined);
      await bench.dispose();
    });
    const keys = async (from: string, to: string, limit = 10_000) =>
      (await store.range({ from, to, limit })).map((row) => row.key);

    it('gives back what was set, and undefined for what was not or no longer is', async () => {
      await store.batch([
        { key: 'a', value: bytes('1') },
        { key: 'empty', value: new Uint8Array() },
      ]);
      expect(text(await store.get('a'))).toBe('1');
      expect(await store.get('empty')).toEqual(new Uint8Array());
      expect(await store.get('b')).toBeUndefined();
      await store.batch([{ key: 'a', value: undefined }]);
      expect(await store.get('a')).toBeUndefined();
    });

    it('ranges in code-unit order, from included, to excluded, up to the limit', async () => {
      const written = ['b', 'B', 'a/1', 'a/10', 'a/2', 'a-', 'a0', 'c', '~'];
      await store.batch(written.map((key) => ({ key, value: bytes(key) })));
      expect(await keys('', '\x7f')).toEqual([...written].sort());
      expect(await keys('a/', 'a0')).toEqual(['a/1', 'a/10', 'a/2']);
      expect(await keys('a/', 'a0', 2)).toEqual(['a/1', 'a/10']);
      expect(await keys('b', 'c')).toEqual(['b']);
      expect(await keys('c', 'b')).toEqual([]);
      const rows = await store.range({ from: 'c', to: 'd', limit: 1 });
      expect(rows.map((row) => [row.key, text(row.value)])).toEqual([['c', 'c']]);
    });

    it('applies the writes of a batch in their order', async () => {
      await store.batch([
        { key: 'k', value: bytes('first') },
        { key: 'k', value: undefined },
        { key: 'k', value: bytes('last') },
        { key: 'gone', value: bytes('x') },
        { key: 'gone', value: undefined },
      ]);
      expect(text(await store.get('k'))).toBe('last');
      expect(await store.get('gone')).toBeUndefined();
    });

    it('applies the writes of a long batch in their order, too', async () => {
      const writes = Array.from({ length: 300 }, (_, at) => ({
        key: `n${at % 37}`,
        value: at % 61 === 60 ? undefined : bytes(String(at)),
      }));
      const expected = new Map<string, string>();
      for (const { key, value } of writes) {
        if (value === undefined) expected.delete(key);
        else expected.set(key, text(value) as string);
      }
      await store.batch(writes);
      const rows = await store.range({ from: 'n', to: 'o', limit: 1_000 });
      expect(new Map(rows.map(({ key, value }) => [key, text(value)]))).toEqual(expected);
    });

    it('lets batches take effect in the order of the calls, and reads see the batches before them', async () => {
      const writes = Array.from({ length: 200 }, (_, index) => store.batch([{ key: 'n', value: bytes(String(index)) }]));
      expect(text(await store.get('n'))).toBe('199');
      await Promise.all(writes);
      expect(text(await store.get('n'))).toBe('199');
    });

    it('takes an empty batch, values of 1 MiB and keys of 2,048 bytes', async () => {
      await store.batch([]);
      const value = new Uint8Array(1024 * 1024).fill(7);
      const key = 'k'.repeat(2048);
      await store.batch([{ key, value }]);
      expect(Buffer.compare((await store.get(key)) as Uint8Array, value)).toBe(0);
    });

    it('keeps a value apart from the array that was written and the array that was read', async () => {
      const value = bytes('abc');
      const written = store.batch([{ key: 'k', value }]);
      value.fill(0);
      await written;
      const read = (await store.get('k')) as Uint8Array;
      expect(text(read)).toBe('abc');
      read.fill(0);
      expect(text(await store.get('k'))).toBe('abc');
    });

    it('is there again after a close', async () => {
      const pending = Array.from({ length: 20 }, (_, index) => store.batch([{ key: `k${index}`, value: bytes('v') }]));
      await store.close();
      await Promise.all(pending);
      store = await bench.open();
      expect(await keys('k', 'l')).toHaveLength(20);
    });

    it('takes a batch of very many writes as one, in the order of the calls, also when it is closed at once', async () => {
      const many = Array.from({ length: 12_001 }, (_, index) => ({ key: `m${index}`, value: bytes(String(index)) }));
      const writes = [store.batch([{ key: 'm7', value: bytes('before') }]), store.batch(many)];
      writes.push(store.batch([{ key: 'm8', value: bytes('after') }]), store.batch([...many].reverse().slice(0, 6_000)));
      writes.push(store.batch([{ key: 'm12000', value: undefined }]));
      const seen = Promise.all(['m7', 'm8', 'm12000', 'm6001'].map(async (key) => text(await store.get(key))));
      await store.close();
      await Promise.all(writes);
      expect(await seen).toEqual(['7', 'after', undefined, '6001']);
      store = await bench.open();
      expect(await keys('m', 'm3')).toHaveLength(4_223);
    });

    it('rejects calls after close', async () => {
      await store.close();
      await expect(store.get('a')).rejects.toMatchObject({ code: 'failed' });
      await expect(store.batch([{ key: 'a', value: bytes('1') }])).rejects.toMatchObject({ code: 'failed' });
      await expect(store.range({ from: 'a', to: 'b', limit: 1 })).rejects.toMatchObject({ code: 'failed' });
    });

    it('refuses a second opener, and lets one in after the close', async () => {
      await expect(bench.open()).rejects.toMatchObject({ code: 'failed' });
      await store.batch([{ key: 'still', value: bytes('works') }]);
      await store.close();
      store = await bench.open();
      expect(text(await store.get('still'))).toBe('works');
    });

    it('has what was resolved after a crash, every batch whole or not at all', async () => {
      if (bench.crash === undefined) return;
      await store.batch([{ key: 'sure', value: bytes('1') }]);
      const pending = Array.from({ length: 50 }, (_, index) =>
        store
          .batch([
            { key: `left${index}`, value: bytes('x') },
            { key: `right${index}`, value: bytes('x') },
          ])
          .then(
            () => index,
            () => undefined,
          ),
      );
      await bench.crash(store);
      const sure = (await Promise.all(pending)).filter((index) => index !== undefined);
      store = await bench.open();
      expect(text(await store.get('sure'))).toBe('1');
      for (const index of sure) expect(await store.get(`left${index}`)).toBeDefined();
      const sides = (side: string, rows: string[]) => rows.map((key) => key.slice(side.length));
      expect(sides('left', await keys('left', 'leg'))).toEqual(sides('right', await keys('right', 'righu')));
    });
  });
}
