import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, FolderBench, hashOf, path, request } from './folder-bench.ts';
import { longText, MIB, manifestOf } from './long-texts.ts';

describe('the manifest of a large content', () => {
  const film = longText(2 * MIB);
  let bench: FolderBench;
  let reads: number;
  beforeEach(() => {
    bench = new FolderBench('manifests');
  });
  afterEach(() => bench.end());

  async function restart(): Promise<void> {
    await bench.restart();
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    reads = 0;
    hasher.digest = (file) => {
      reads += 1;
      return digest(file);
    };
  }
  const manifest = async (name: string, text: string) =>
    new Uint8Array(await bench.folder.chunks.manifest(path(name), hashOf(text)));
  /** As it comes from a peer or a client that tells how it is cut. */
  async function keepByChunks(name: string, text: string): Promise<void> {
    const version = bench.foreign(name, text);
    const staging = await bench.folder.stage(name, version.size);
    const cut = await bench.folder.runs.striped(version, manifestOf(text));
    await staging.cut(cut);
    await staging.write(0, bytes(text));
    expect(await staging.check([...cut.chunks.ends.keys()])).toEqual([]);
    await bench.folder.keep(path(name), version, staging);
  }
  const forget = async (letters: string) => {
    const { store } = bench.platform;
    for (const letter of letters) {
      const rows = await store.range({ from: `f/${letter}/`, to: `f/${letter}0`, limit: 100 });
      await store.batch(rows.map(({ key }) => ({ key, value: undefined })));
    }
  };

  it('is kept, however the content came: nothing is read for it after a restart', async () => {
    await bench.start();
    bench.write('dropped', film);
    await bench.settle();
    await bench.keep('taken', bench.foreign('taken', `${film}t`), `${film}t`);
    await bench.folder.make(request('1'), [await bench.put('made', `${film}m`)]);
    await keepByChunks('cut', `${film}c`);
    await restart();
    expect(await manifest('dropped', film)).toEqual(manifestOf(film));
    expect(await manifest('taken', `${film}t`)).toEqual(manifestOf(`${film}t`));
    expect(await manifest('made', `${film}m`)).toEqual(manifestOf(`${film}m`));
    expect(await manifest('cut', `${film}c`)).toEqual(manifestOf(`${film}c`));
    expect(reads).toBe(0);
  });

  it('is kept with the intent: a crash before the content is recorded does not lose it', async () => {
    await bench.start();
    const version = bench.foreign('a', film);
    const staging = await bench.staged(film);
    await staging.digest();
    let events = 0;
    bench.folder.keep(path('a'), version, staging).catch(() => undefined);
    while ((await bench.rows('i')) === 0 && events < 5_000) events += 1;
    await restart();
    expect(bench.held('a').hash).toBe(version.hash);
    expect(await manifest('a', film)).toEqual(manifestOf(film));
    expect(reads).toBe(0);
  });

  it.each(['m', 'k', 'mk'])('is made anew and kept when the store has lost it (%s)', async (letters) => {
    await bench.start();
    bench.write('a', film);
    await bench.settle();
    await forget(letters);
    await restart();
    expect(await manifest('a', film)).toEqual(manifestOf(film));
    expect(reads).toBe(letters === 'k' ? 0 : 1);
    await restart();
    expect(await manifest('a', film)).toEqual(manifestOf(film));
    expect(reads).toBe(0);
  });

  it('is hashed once, however often it is asked for', async () => {
    await bench.start();
    bench.write('a', film);
    await bench.settle();
    await restart();
    const { hasher } = bench.platform;
    const hashLarge = hasher.hashLarge.bind(hasher);
    let hashed = 0;
    hasher.hashLarge = (rows) => {
      hashed += 1;
      return hashLarge(rows);
    };
    for (let piece = 0; piece < 3; piece++) expect(await manifest('a', film)).toEqual(manifestOf(film));
    expect(hashed).toBe(1);
  });

  it('is not believed when it is another than the version states', async () => {
    await bench.start();
    bench.write('a', film);
    await bench.settle();
    const { store } = bench.platform;
    const [row] = await store.range({ from: 'f/m/', to: 'f/m0', limit: 1 });
    await store.batch([{ key: row?.key ?? '', value: manifestOf(`${film}!`) }]);
    await restart();
    expect(await manifest('a', film)).toEqual(manifestOf(film));
    expect(reads).toBe(1);
  });

  it('goes when nothing here needs it, also one that a crash left', async () => {
    await bench.start();
    bench.write('a', film);
    await bench.settle();
    expect([await bench.rows('k'), await bench.rows('m')]).toEqual([1, 1]);
    bench.write('a', 'small');
    await bench.settle();
    const left = hashOf('left by a crash');
    await bench.platform.store.batch([
      { key: `f/m/${left}/0000`, value: manifestOf(film) },
      { key: `f/k/${left}`, value: new Uint8Array(4) },
    ]);
    await bench.restart();
    expect([await bench.rows('k'), await bench.rows('m')]).toEqual([0, 0]);
  });
});
