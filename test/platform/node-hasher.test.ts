import { randomUUID } from 'node:crypto';
import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { OpenFile, StageFile } from '../../src/platform/disk.ts';
import { NodeHasher } from '../../src/platform/node/node-hasher.ts';
import { type HasherBench, noise, runHasherAcceptance } from './hasher-acceptance.ts';
import { NodeBench } from './node-bench.ts';

class NodeHasherBench implements HasherBench {
  readonly hasher = new NodeHasher({ idleMs: 30 });
  readonly disk: NodeBench;

  static async make(): Promise<NodeHasherBench> {
    return new NodeHasherBench(await NodeBench.make());
  }

  private constructor(disk: NodeBench) {
    this.disk = disk;
  }

  async open(content: Uint8Array): Promise<OpenFile> {
    const name = randomUUID();
    await writeFile(join(this.disk.root, name), content);
    return this.disk.disk.open(name);
  }

  async stage(): Promise<StageFile> {
    await this.disk.disk.prepare(Buffer.from('marker'));
    return await this.disk.disk.stage(randomUUID());
  }

  openStaged(file: StageFile): Promise<OpenFile> {
    return this.disk.disk.open(file.path);
  }

  async dispose(): Promise<void> {
    await this.hasher.close();
    await this.disk.dispose();
  }
}

runHasherAcceptance('node', NodeHasherBench.make);

async function withBench(test: (bench: NodeHasherBench) => Promise<void>): Promise<void> {
  const bench = await NodeHasherBench.make();
  try {
    await test(bench);
  } finally {
    await bench.dispose();
  }
}

// The test vectors of BLAKE3: byte n of the input is n modulo 251.
const VECTORS: [number, string][] = [
  [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
  [102_400, 'bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085'],
];

it.each(VECTORS)('hashes %i bytes as BLAKE3 does', (length, hash) =>
  withBench(async ({ hasher, ...bench }) => {
    const content = Uint8Array.from({ length }, (_, index) => index % 251);
    expect(hasher.hash(content)).toBe(hash);
    await bench.disk.person.write('f', '');
    await writeFile(join(bench.disk.root, 'f'), content);
    const file = await bench.disk.disk.open('f');
    expect((await hasher.digest(file)).hash).toBe(hash);
    await file.close();
  }),
);

it('tells the size it hashed when a file grew or shrank after it was opened', () =>
  withBench(async (bench) => {
    const path = join(bench.disk.root, 'f');
    await writeFile(path, noise(3000));
    const file = await bench.disk.disk.open('f');
    await appendFile(path, noise(2_000_000));
    expect((await bench.hasher.digest(file)).size).toBe(2_003_000);
    await truncate(path, 1000);
    const digest = await bench.hasher.digest(file);
    expect(digest).toMatchObject({ size: 1000, hash: bench.hasher.hash(noise(3000).subarray(0, 1000)) });
    await file.close();
  }));

it('keeps a file open that is closed while it is hashed', () =>
  withBench(async (bench) => {
    const content = noise(4_000_000);
    const file = await bench.open(content);
    const other = await bench.open(noise(4_000_000, 2));
    const digest = bench.hasher.digest(file);
    await Promise.all([file.close(), other.close()]);
    expect((await digest).hash).toBe(bench.hasher.hash(content));
    await expect(bench.hasher.digest(file)).rejects.toMatchObject({ code: 'failed' });
  }));

it('rejects what waits when it is closed, and whatever is asked later', () =>
  withBench(async (bench) => {
    const files = await Promise.all(Array.from({ length: 5 }, (_, index) => bench.open(noise(3_000_000, index + 1))));
    const digests = files.map((file) => bench.hasher.digest(file));
    const outcomes = Promise.allSettled(digests);
    await bench.hasher.close();
    const rejected = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThan(0);
    for (const file of files) {
      await expect(bench.hasher.digest(file)).rejects.toMatchObject({ code: 'failed' });
      await file.close();
    }
  }));

it('ends threads that have nothing to do, and starts them anew; none is lost in between', () =>
  withBench(async ({ hasher, ...bench }) => {
    await writeFile(join(bench.disk.root, 'f'), noise(3000));
    const file = await bench.disk.disk.open('f');
    // Pauses about as long as the patience: some digests are asked for while the threads end.
    for (const pauseMs of [0, 25, 28, 29, 30, 31, 32, 35, 100]) {
      expect((await hasher.digest(file)).hash).toBe(hasher.hash(noise(3000)));
      expect(hasher.threads).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await vi.waitFor(() => expect(hasher.threads).toBe(0), 20_000);
    expect((await hasher.digest(file)).hash).toBe(hasher.hash(noise(3000)));
    await file.close();
  }));

/** A file of zeros that takes no room. */
async function openEmpty({ disk }: NodeHasherBench, size: number): Promise<OpenFile> {
  const name = randomUUID();
  await writeFile(join(disk.root, name), '');
  await truncate(join(disk.root, name), size);
  return disk.disk.open(name);
}

it('tells whoever follows a file that its thread is gone, and gives the file back', () =>
  withBench(async (bench) => {
    const [one, other] = [await bench.open(noise(1000)), await bench.open(noise(1000))];
    const followings = [one, other].map((file) => bench.hasher.follow(file, 1000));
    for (const following of followings) following.reach(500);
    await bench.hasher.close();
    for (const following of followings) following.reach(1000);
    await expect(followings[0]?.finish()).rejects.toMatchObject({ code: 'failed' });
    followings[1]?.drop();
    await Promise.all([one.close(), other.close()]);
  }));

it('digests in between the files it follows, however far behind those are', () =>
  withBench(async (bench) => {
    const size = 96 * 1024 * 1024;
    const files = await Promise.all(Array.from({ length: 4 }, () => openEmpty(bench, size)));
    const small = await bench.open(noise(1000));
    const followings = files.map((file) => {
      const following = bench.hasher.follow(file, size);
      following.reach(size);
      return following;
    });
    const ends: string[] = [];
    const digest = bench.hasher.digest(small).then(() => ends.push('small'));
    await Promise.all([digest, ...followings.map((following) => following.finish().then(() => ends.push('followed')))]);
    expect(ends[0]).toBe('small');
    for (const file of [...files, small]) await file.close();
  }));

it.skipIf(availableParallelism() < 2)('does not put a large file in front of one it follows while another thread is free', () =>
  withBench(async (bench) => {
    const [followed, large] = [await bench.open(noise(2000)), await openEmpty(bench, 512 * 1024 * 1024)];
    const following = bench.hasher.follow(followed, 2000);
    following.reach(1000);
    // Until the thread has done that, and rests.
    await bench.hasher.digest(followed);
    const ends: string[] = [];
    const digest = bench.hasher.digest(large).then(() => ends.push('large'));
    following.reach(2000);
    await Promise.all([digest, following.finish().then(() => ends.push('followed'))]);
    expect(ends).toEqual(['followed', 'large']);
    for (const file of [followed, large]) await file.close();
  }),
);

describe('a chunk is checked soon, whatever large files are read meanwhile:', () => {
  const LARGE_BYTES = 512 * 1024 * 1024;
  const content = noise(100_000);

  /** What ends first: the check, or one of the others, which are three: more than there are threads. */
  const first = (begin: (bench: NodeHasherBench, large: OpenFile) => Promise<unknown>) =>
    withBench(async (bench) => {
      const small = await bench.open(content);
      const proving = bench.hasher.prove(small);
      const chunk = { offset: 0, length: content.length, hash: Buffer.from(bench.hasher.hash(content), 'hex') };
      await proving.check([chunk]);
      const large = await Promise.all([1, 2, 3].map(() => openEmpty(bench, LARGE_BYTES)));
      const ended: string[] = [];
      const others = large.map((file) => begin(bench, file).then(() => ended.push('large')));
      await proving.check([chunk]).then(() => ended.push('check'));
      await Promise.all(others);
      proving.drop();
      await Promise.all([small, ...large].map((file) => file.close()));
      expect(ended).toEqual(['check', 'large', 'large', 'large']);
    });

  it('whole', () => first(({ hasher }, file) => hasher.digest(file)));

  it('in pieces', () =>
    first(({ hasher }, file) =>
      hasher.hashPieces(
        file,
        Array.from({ length: 64 }, () => LARGE_BYTES / 64),
      ),
    ));

  it('or behind what was known of them', () =>
    first(({ hasher }, file) => {
      const proving = hasher.prove(file);
      proving.trust({ offset: 0, length: LARGE_BYTES });
      return proving.finish(LARGE_BYTES);
    }));
});

describe('a password', () => {
  it('is hashed by argon2id at the costs that are told', () =>
    withBench(async ({ hasher }) => {
      const salt = new Uint8Array(16).map((_, index) => index);
      const key = await hasher.passwordKey('correct horse', salt);
      // By another implementation: @noble/hashes, argon2id, t = 2, m = 19,456, p = 1.
      expect(Buffer.from(key).toString('hex')).toBe('d00b90c40f918cf889780d7d3a9ec3c2b1719df87dc5e4d4d93ea6163db04e17');
    }));
});
