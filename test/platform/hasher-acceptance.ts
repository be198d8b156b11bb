import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunkContent, manifestDigest } from '../../src/core/chunking.ts';
import type { OpenFile, StageFile } from '../../src/platform/disk.ts';
import type { Hasher, PasswordHasher } from '../../src/platform/hasher.ts';

export interface HasherBench {
  readonly hasher: Hasher & PasswordHasher;
  /** An open file of that content. */
  open(content: Uint8Array): Promise<OpenFile>;
  /** A new staged file. */
  stage(): Promise<StageFile>;
  /** What lies in a staged file now. */
  openStaged(file: StageFile): Promise<OpenFile>;
  dispose(): Promise<void>;
}

/** `size` bytes that look random, the same for the same seed. */
export function noise(size: number, seed = 1): Uint8Array {
  const content = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < size; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    content[index] = state & 0xff;
  }
  return content;
}

const SIZES = [0, 1, 2, 3, 4095, 4096, 65_536, 65_537, 131_071, 300_000, 1_000_000];

/** What every Hasher keeps to. */
export function runHasherAcceptance(name: string, makeBench: () => Promise<HasherBench>): void {
  describe(`hasher: ${name}`, () => {
    let bench: HasherBench;
    const opened: OpenFile[] = [];
    beforeEach(async () => {
      bench = await makeBench();
    });
    afterEach(async () => {
      for (const file of opened.splice(0)) await file.close();
      await bench.dispose();
    });
    const open = async (content: Uint8Array) => {
      const file = await bench.open(content);
      opened.push(file);
      return file;
    };
    const hashBytes = (bytes: Uint8Array) => Buffer.from(bench.hasher.hash(bytes), 'hex');

    it('hashes to 64 hex digits, the same for the same bytes only', () => {
      const hash = bench.hasher.hash(noise(1000));
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(bench.hasher.hash(noise(1000))).toBe(hash);
      expect(bench.hasher.hash(noise(1000, 2))).not.toBe(hash);
      expect(bench.hasher.hash(noise(1001).subarray(0, 1000))).toBe(hash);
    });

    it('hashes a password to 32 bytes, others for another salt or password', async () => {
      const salts = [new Uint8Array(16), new Uint8Array(16).fill(1)] as const;
      const keys = [await bench.hasher.passwordKey('a', salts[0]), await bench.hasher.passwordKey('a', salts[1])];
      keys.push(await bench.hasher.passwordKey('b', salts[0]));
      expect(keys.map((key) => key.length)).toEqual([32, 32, 32]);
      expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(3);
      expect(Buffer.from(await bench.hasher.passwordKey('a', salts[0]))).toEqual(Buffer.from(keys[0] ?? []));
    });

    it('hashes consecutive pieces, those that the file has whole', async () => {
      const content = noise(3_000_000);
      const lengths = [1, 2_000_000, 70_000, 0, 900_000, 1_000_000];
      const hashes = await bench.hasher.hashPieces(await open(content), lengths);
      let from = 0;
      const wanted = lengths.slice(0, 5).map((length) => {
        from += length;
        return hashBytes(content.subarray(from - length, from));
      });
      expect(Buffer.compare(hashes, Buffer.concat(wanted))).toBe(0);
      expect(await bench.hasher.hashPieces(await open(new Uint8Array(0)), [1])).toHaveLength(0);
    });

    for (const size of SIZES) {
      it(`digests ${size} bytes to their hash, size and manifest`, async () => {
        const content = noise(size, size + 1);
        const digest = await bench.hasher.digest(await open(content));
        expect(digest.size).toBe(size);
        expect(digest.hash).toBe(bench.hasher.hash(content));
        const rows = chunkContent(content, hashBytes);
        expect(digest.manifest).toEqual(manifestDigest(rows, (bytes) => bench.hasher.hash(bytes)));
      });
    }

    it('cuts a file of several MiB as it cuts it in memory', async () => {
      const content = noise(5_000_000);
      const digest = await bench.hasher.digest(await open(content));
      const rows = chunkContent(content, hashBytes);
      expect(rows.length).toBeGreaterThan(20);
      expect(digest.manifest).toEqual(manifestDigest(rows, (bytes) => bench.hasher.hash(bytes)));
    });

    it('digests many files at once, each its own', async () => {
      const files = await Promise.all(Array.from({ length: 100 }, (_, index) => open(noise(500 + index, index + 1))));
      const digests = await Promise.all(files.map((file) => bench.hasher.digest(file)));
      digests.forEach((digest, index) => {
        expect(digest.hash).toBe(bench.hasher.hash(noise(500 + index, index + 1)));
      });
    });

    it('follows a file while it is written, to the digest of the whole', async () => {
      const content = noise(3_000_000);
      const file = await open(content);
      const following = bench.hasher.follow(file, content.length);
      for (const end of [0, 1, 1, 70_000, 1_500_000, 2_999_999]) {
        following.reach(end);
        await Promise.resolve();
      }
      following.reach(content.length);
      expect(await following.finish()).toEqual(await bench.hasher.digest(file));
    });

    it('reads nothing beyond what was reached', async () => {
      const content = noise(1_000_000);
      const following = bench.hasher.follow(await open(content), 600_000);
      following.reach(600_000);
      const digest = await following.finish();
      const whole = await bench.hasher.digest(await open(content.subarray(0, 600_000)));
      expect(digest).toEqual(whole);
      expect(digest.size).toBe(600_000);
    });

    it('follows many files at once, and digests others meanwhile', async () => {
      const contents = Array.from({ length: 12 }, (_, index) => noise(900_000 + index, index + 1));
      const files = await Promise.all(contents.map((content) => open(content)));
      const followings = files.map((file, index) => bench.hasher.follow(file, 900_000 + index));
      const others = files.map((file) => bench.hasher.digest(file));
      for (let end = 100_000; end <= 900_000; end += 100_000) for (const following of followings) following.reach(end);
      followings.forEach((following, index) => {
        following.reach(900_000 + index);
      });
      expect(await Promise.all(followings.map((following) => following.finish()))).toEqual(await Promise.all(others));
    });

    it('lets go of a file that is dropped while it is read', async () => {
      const file = await bench.open(noise(1_000_000));
      const following = bench.hasher.follow(file, 1_000_000);
      following.reach(1_000_000);
      following.drop();
      await file.close();
      const other = await open(noise(1_000, 7));
      expect((await bench.hasher.digest(other)).hash).toBe(bench.hasher.hash(noise(1_000, 7)));
    });

    describe('proving', () => {
      const content = noise(5_000_000, 3);
      // Longer than what is read at once, too.
      const lengths = [70_000, 1, 1_500_000, 300_000, 2_200_000, 929_999];
      const chunks = () => {
        let end = 0;
        return lengths.map((length) => {
          end += length;
          return { offset: end - length, length, hash: hashBytes(content.subarray(end - length, end)) };
        });
      };

      it('finds chunks right in any order, and the whole hash with them', async () => {
        for (const order of [[[0, 1], [2], [3, 4, 5]], [[5], [1, 0], [4, 3], [2]], [[5, 4, 3, 2, 1, 0]]]) {
          const proving = bench.hasher.prove(await open(content));
          for (const batch of order) expect(await proving.check(batch.map((at) => chunks()[at] as never))).toEqual([]);
          expect(await proving.finish(content.length)).toBe(bench.hasher.hash(content));
        }
      });

      it('names the wrong ones, and tells no whole hash before they are right', async () => {
        for (const wrong of [1, 2]) {
          const bad = content.slice();
          bad.fill(0, chunks()[wrong]?.offset, (chunks()[wrong]?.offset ?? 0) + 1);
          const proving = bench.hasher.prove(await open(bad));
          expect(await proving.check(chunks())).toEqual([wrong]);
          expect(await proving.finish(content.length)).toBeUndefined();
        }
      });

      it('trusts what was right before', async () => {
        const proving = bench.hasher.prove(await open(content));
        proving.trust({ offset: 0, length: 70_001 });
        expect(await proving.check(chunks().slice(2, 4))).toEqual([]);
        proving.trust({ offset: 1_870_001, length: 3_129_999 });
        expect(await proving.finish(content.length)).toBe(bench.hasher.hash(content));
      });

      it('says that it knows no whole hash while something is missing, and that what is not there is wrong', async () => {
        const proving = bench.hasher.prove(await open(content.subarray(0, 1_000_000)));
        expect(await proving.check([chunks()[0] as never, chunks()[2] as never])).toEqual([1]);
        expect(await proving.finish(content.length)).toBeUndefined();
      });

      it('lets go of a file that is dropped', async () => {
        const file = await bench.open(content);
        const proving = bench.hasher.prove(file);
        const checked = proving.check(chunks());
        proving.drop();
        expect(await checked).toEqual([]);
        await file.close();
      });
    });

    describe('what is like another content', () => {
      const old = noise(9_500_000, 5);
      const part = (from: number, to?: number) => old.subarray(from, to);
      const one = noise(1, 9);
      const edits: Record<string, Uint8Array[]> = {
        'as it was': [old],
        'a byte changed': [part(0, 4_000_000), one, part(4_000_001)],
        'a byte put in at the start': [one, old],
        'a byte taken out of the middle': [part(0, 5_000_000), part(5_000_001)],
        'many changes': Array.from({ length: 90 }, (_, index) => [part(index * 100_000, index * 100_000 + 99_999), one]).flat(),
        'halves in the other order': [part(4_700_000), part(0, 4_700_000)],
        'all of it twice': [old, old],
        'cut off behind a chunk': [part(0, 9_000_000)],
        'one chunk again and again': Array.from({ length: 40 }, () => part(0, 300_000)),
        'another content': [noise(9_500_000, 6)],
      };

      it.each(Object.keys(edits))('is told as if it were not known: %s', async (edit) => {
        const { rows = new Uint8Array(0) } = await bench.hasher.digest(await open(old));
        const next = await open(Buffer.concat(edits[edit] ?? []));
        const plain = await bench.hasher.digest(next);
        expect(await bench.hasher.digest(next, { manifest: rows, size: old.length })).toEqual(plain);
        expect(await bench.hasher.digest(next, { manifest: rows.subarray(36), size: old.length })).toEqual(plain);
      });
    });

    describe('copying', () => {
      const content = noise(5_000_000, 4);
      // Longer than what is read at once, too; in the source they lie in another order, behind one byte more.
      const lengths = [70_000, 1, 1_500_000, 300_000, 2_200_000, 929_999];
      const lent = () => {
        let [from, end] = [1, content.length];
        return lengths.map((length) => {
          [from, end] = [from + length, end - length];
          return { from: from - length, offset: end, length, hash: hashBytes(content.subarray(end, end + length)) };
        });
      };
      const source = () => {
        const bytes = new Uint8Array(content.length + 1);
        for (const { from, offset, length } of lent()) bytes.set(content.subarray(offset, offset + length), from);
        return bytes;
      };

      it('brings chunks to their places, wherever they lie in the other file', async () => {
        const staged = await bench.stage();
        const file = await open(source());
        const [first, second] = [lent().slice(0, 3), lent().slice(3)];
        const copied = await Promise.all([first, second].map((some) => bench.hasher.copy(file, staged, some)));
        expect(copied).toEqual([[], []]);
        await staged.close();
        const there = await bench.openStaged(staged);
        opened.push(there);
        expect((await bench.hasher.digest(there)).hash).toBe(bench.hasher.hash(content));
      });

      it('names those that are wrong or are not there, and writes nothing of a short one', async () => {
        const staged = await bench.stage();
        const bytes = source();
        for (const at of [0, 4]) bytes[(lent()[at]?.from ?? 0) + 9] = 1 + (bytes[(lent()[at]?.from ?? 0) + 9] ?? 0);
        const file = await open(bytes.subarray(0, bytes.length - 1));
        expect(await bench.hasher.copy(file, staged, lent())).toEqual([0, 4, 5]);
        await staged.close();
        const there = await bench.openStaged(staged);
        opened.push(there);
        // The first of them is the last of the content.
        expect(there.stat.size).toBe(content.length - 70_000);
      });
    });

    it('digests one file twice at once', async () => {
      const file = await open(noise(200_000));
      const [one, two] = await Promise.all([bench.hasher.digest(file), bench.hasher.digest(file)]);
      expect(one).toEqual(two);
    });
  });
}
