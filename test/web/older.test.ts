import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { newRunningHash } from '../../src/cli/running-hash.ts';
import type { Copy } from '../../src/client/verbs/history.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { FilePath } from '../../src/core/ids.ts';
import { OlderContents, type Read } from '../../src/web/older-contents.ts';
import { Spool } from '../../src/web/spool.ts';
import { OLDER_IDLE_MS_MAX, SILENT_MS_MAX } from '../../src/web/time-limits.ts';
import { until } from '../faults/process.ts';

/** What a file was before comes once, however often it is asked for, and however long it takes. */

const PIECE = 1000;
const film = Buffer.from(Array.from({ length: 10 * PIECE }, (_, index) => index % 251));
const wrong = Buffer.from(film);
wrong[5_000] = 0xff;
const path = 'film.mp4' as FilePath;

function copyOf(bytes: Buffer): Pick<Copy, 'hash' | 'size'> {
  const digest = newRunningHash();
  digest.update(bytes);
  return { hash: digest.hex(), size: bytes.length };
}
const copy = copyOf(film);

let place = '';
let spool = new Spool('');
let older = new OlderContents(spool);
/** Offsets that the peers were asked for. */
let asked: number[] = [];
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'filemesh-older-'));
  spool = new Spool(join(place, 'spool'));
  older = new OlderContents(spool);
  asked = [];
});
afterEach(async () => {
  await older.close();
  rmSync(place, { recursive: true });
});

type Ask = { readonly offset: number; readonly length: number; readonly without?: readonly string[] };

/** What each peer keeps of the film, in the order in which they are asked. */
type Keepers = Readonly<Record<string, Buffer>>;

/** Somebody who asks, whose session gives the film in small pieces; `before` is waited for before each. */
function asker(user: string, before: (ask: Ask) => Promise<void> = async () => {}, keepers: Keepers = { alpha: film }) {
  const stop = new AbortController();
  const silences: number[] = [];
  const socket = { remoteAddress: user, setTimeout: (ms: number) => silences.push(ms) };
  const call = async (_name: string, ask: Ask) => {
    asked.push(ask.offset);
    await before(ask);
    if (stop.signal.aborted) throw new MeshError('failed', 'stopped');
    const giver = Object.entries(keepers).find(([by]) => ask.without?.includes(by) !== true);
    if (giver === undefined) throw new MeshError('not-found', 'no live peer keeps it');
    const [by, kept] = giver;
    return { reply: { by }, tail: kept.subarray(ask.offset, ask.offset + Math.min(PIECE, ask.length)) };
  };
  const asking = {
    session: { call, signIn: { token: undefined } },
    who: { user, admin: false },
    request: { socket },
    reply: { raw: { socket } },
    signal: stop.signal,
    options: { signal: stop.signal, newHash: newRunningHash },
  } as unknown as Parameters<OlderContents['lend']>[0];
  return { asking, stop, silences };
}

async function part(read: Read, offset: number, length: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  await read({ offset, length }, async (bytes) => void pieces.push(bytes));
  return Buffer.concat(pieces);
}

const seen = (asking: Parameters<OlderContents['lend']>[0], offset: number, length: number) =>
  older.lend(asking, path, copy, (read) => part(read, offset, length));

/** Lets go once it is told to. */
function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const whole = Array.from({ length: 10 }, (_, index) => index * PIECE);

describe('an older content', () => {
  test('that is sought in comes once, for all who may see it', async () => {
    const [anna, bob] = [asker('anna'), asker('bob')];
    expect(await seen(anna.asking, 9_500, 500)).toEqual(film.subarray(9_500));
    expect(await seen(anna.asking, 0, 10_000)).toEqual(film);
    const both = await Promise.all([seen(anna.asking, 20, 30), seen(bob.asking, 3_000, 4_000)]);
    expect(both).toEqual([film.subarray(20, 50), film.subarray(3_000, 7_000)]);
    expect(asked).toEqual(whole);
  });

  test('goes on from where it stands when whoever had it brought goes', async () => {
    const halt = gate();
    const first = asker('anna', ({ offset }) => (offset === 4_000 ? halt.opened : Promise.resolve()));
    const gone = seen(first.asking, 0, 1);
    const [second, third] = [asker('anna'), asker('bob')];
    await until('it stands', () => asked.at(-1) === 4_000);
    const waiting = [seen(second.asking, 0, 10_000), seen(third.asking, 0, 10_000)];
    first.stop.abort();
    halt.open();
    await expect(gone).rejects.toMatchObject({ code: 'failed' });
    expect(await Promise.all(waiting)).toEqual([film, film]);
    expect(asked).toEqual([...whole.slice(0, 5), ...whole.slice(4)]);
    // And though nobody waited meanwhile.
    expect(await seen(asker('carol').asking, 0, 10_000)).toEqual(film);
  });

  test('that takes long leaves none waiting without end, and cuts none off while it comes', async () => {
    const halt = gate();
    const first = asker('anna', ({ offset }) => (offset === 9_000 ? halt.opened : Promise.resolve()));
    const coming = seen(first.asking, 0, 1);
    const second = asker('bob');
    const waiting = seen(second.asking, 0, 1);
    await until('most of it is there', () => asked.at(-1) === 9_000);
    // Each piece began their time anew.
    for (const { silences } of [first, second]) {
      expect(silences.length).toBeGreaterThanOrEqual(9);
      expect(new Set(silences)).toEqual(new Set([SILENT_MS_MAX]));
    }
    second.stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'failed' });
    halt.open();
    expect(await coming).toEqual(film.subarray(0, 1));
  });

  test('that comes damaged is shown to nobody, and brought anew for whoever asks next', async () => {
    const halt = gate();
    const liar = asker('anna', ({ offset }) => (offset === 9_000 ? halt.opened : Promise.resolve()), { alpha: wrong });
    const both = [seen(liar.asking, 0, 10), seen(asker('bob').asking, 0, 10)];
    await until('the last piece is asked for', () => asked.at(-1) === 9_000);
    halt.open();
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'corrupt' });
    // It was asked for once more, of others than the one that had given it.
    expect(asked.splice(0)).toEqual([...whole, 0]);
    expect(await seen(asker('bob').asking, 0, 10)).toEqual(film.subarray(0, 10));
    expect(asked).toEqual(whole);
  });

  test('that some peers keep damaged comes from another', async () => {
    const keepers = { alpha: wrong, bravo: film.subarray(0, 3_000), charlie: film };
    expect(await seen(asker('anna', undefined, keepers).asking, 0, 10_000)).toEqual(film);
    // Of the short one three pieces, and none behind them.
    expect(asked).toEqual([...whole, ...whole.slice(0, 4), ...whole]);
  });

  test('that cannot come for one comes for another', async () => {
    const refused = asker('anna', () => Promise.reject(new MeshError('not-found', 'no live peer keeps it')));
    await expect(seen(refused.asking, 0, 1)).rejects.toMatchObject({ code: 'not-found' });
    expect(await seen(asker('bob').asking, 0, 10_000)).toEqual(film);
  });
});

describe('older contents', () => {
  const one = (index: number) => {
    const bytes = Buffer.from(`content ${index}`);
    return { copy: copyOf(bytes), bytes };
  };
  const lend = (user: string, index: number, work: () => Promise<void> = async () => {}) => {
    const { copy: wanted, bytes } = one(index);
    return older.lend(asker(user, undefined, { alpha: bytes }).asking, path, wanted, work);
  };

  test('of one account that are read at once are so many, and others have theirs', async () => {
    const halt = gate();
    const readers = [0, 1, 2, 3].map((index) => lend('anna', index, () => halt.opened));
    await expect(lend('anna', 4)).rejects.toMatchObject({ status: 503 });
    await lend('bob', 5);
    halt.open();
    await Promise.all(readers);
    await lend('anna', 4);
    // The one that was read longest ago made room.
    asked = [];
    await lend('anna', 1);
    expect(asked).toEqual([]);
    await lend('anna', 0);
    expect(asked).toEqual([0]);
  });

  test('are kept for a while, and given up for what needs their room', async () => {
    await older.close();
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    try {
      older = new OlderContents(spool);
      await lend('anna', 0);
      await vi.advanceTimersByTimeAsync(OLDER_IDLE_MS_MAX / 2);
      await lend('anna', 0);
      expect(asked).toEqual([0]);
      await vi.advanceTimersByTimeAsync(OLDER_IDLE_MS_MAX * 2);
      await lend('anna', 0);
      expect(asked).toEqual([0, 0]);
      await expect(spool.claim('bob', Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ status: 507 });
      await lend('anna', 0);
      expect(asked).toEqual([0, 0, 0]);
    } finally {
      await older.close();
      vi.useRealTimers();
    }
  });
});
