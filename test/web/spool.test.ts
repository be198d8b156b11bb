import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Spool } from '../../src/web/spool.ts';
import { TusUploads } from '../../src/web/tus-uploads.ts';
import { logHere } from './log-here.ts';

const PIECES = 512;
const PIECE_BYTES = 64 * 1024;
const { log } = logHere();

let place = '';
let spool = new Spool('');
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'filemesh-spool-'));
  spool = new Spool(join(place, 'spool'));
});
afterEach(() => rmSync(place, { recursive: true }));

describe('of a body that goes on and on', () => {
  /** A body that looks at its end how many of its pieces are still in memory. */
  function watchedBody(): { readonly body: Readable; left(): number } {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const pieces: WeakRef<Buffer>[] = [];
    let left = PIECES;
    async function* all(): AsyncGenerator<Buffer> {
      for (let index = 0; index < PIECES; index++) {
        // What is looked at through a weak reference lives until its turn of the loop ends.
        if (index % 16 === 0) await setImmediate();
        const piece = Buffer.alloc(PIECE_BYTES);
        pieces.push(new WeakRef(piece));
        yield piece;
      }
      await setImmediate();
      collect();
      left = pieces.filter((piece) => piece.deref() !== undefined).length;
    }
    return { body: Readable.from(all()), left: () => left };
  }

  test('only the last pieces are in memory while it is put', async () => {
    const { body, left } = watchedBody();
    const bytes = await spool.lend(undefined, undefined, (handle, claim) =>
      spool.take(body, { handle, offset: 0, size: undefined, owners: [], claim }),
    );
    expect(bytes).toBe(PIECES * PIECE_BYTES);
    expect(left()).toBeLessThan(64);
  });

  test('only the last pieces are in memory while it comes as a part', async () => {
    const { body, left } = watchedBody();
    const uploads = await TusUploads.open(join(place, 'uploads'), spool, log);
    try {
      const length = PIECES * PIECE_BYTES;
      const note = { path: 'a', length, wish: {}, base: [], modifiedMs: undefined, owner: undefined };
      const { id } = await uploads.begin(note);
      const part = { body, said: String(length), owners: [] };
      const to = { id, owner: undefined, offset: 0, end: () => {} };
      expect((await uploads.append(to, part, async () => {})).offset).toBe(length);
    } finally {
      uploads.close();
    }
    expect(left()).toBeLessThan(64);
  });
});

describe('room', () => {
  const note = (owner: string, length: number) => ({ path: 'a', length, wish: {}, base: [], modifiedMs: undefined, owner });
  const part = (text: string) => ({ body: Readable.from([Buffer.from(text)]), said: String(text.length), owners: [] });

  test('that was set aside is there, whatever else takes the rest', async () => {
    const uploads = await TusUploads.open(join(place, 'uploads'), spool, log);
    try {
      const { id } = await uploads.begin(note('anna', 6));
      const rest = spool.hold(undefined, 2 * (await spool.room()), 0);
      await expect(spool.claim('bob', 1)).rejects.toMatchObject({ status: 507 });
      const to = { id, owner: 'anna', offset: 0, end: () => {} };
      expect((await uploads.append(to, part('abc'), async () => {})).offset).toBe(3);
      rest.end();
    } finally {
      uploads.close();
    }
  });

  test('is set aside for what has not come yet, and given back', async () => {
    const before = await spool.room();
    const size = Math.floor(before * 0.4);
    await spool.lend('anna', size, async (_handle, claim) => {
      expect((await spool.room()) / before).toBeCloseTo(0.6, 1);
      claim.came(size);
      expect((await spool.room()) / before).toBeCloseTo(1, 1);
    });
    expect((await spool.room()) / before).toBeCloseTo(1, 1);
  });

  test('of one account is half of all at most, however it takes it, and others have theirs', async () => {
    const before = await spool.room();
    const share = (part: number): number => Math.floor(before * part);
    const uploads = await TusUploads.open(join(place, 'uploads'), spool, log);
    try {
      const whole = spool.lend('anna', share(0.7), async () => {});
      await expect(whole).rejects.toMatchObject({ status: 507, message: expect.stringContaining('half') });
      await spool.lend('anna', share(0.3), async () => {
        await expect(uploads.begin(note('anna', share(0.3)))).rejects.toMatchObject({ status: 507 });
        await uploads.begin(note('bob', share(0.3)));
      });
      await uploads.begin(note('anna', share(0.3)));
    } finally {
      uploads.close();
    }
  });

  test('set aside for an upload in parts is kept though the clock is days ahead for a moment, or at a start', async () => {
    const uploads = await TusUploads.open(join(place, 'uploads'), spool, log);
    const { id } = await uploads.begin(note('anna', 10));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 8 * 24 * 3_600_000 });
    try {
      // Who begins another has the old ones looked at.
      await uploads.begin(note('bob', 10));
      expect(uploads.of(id, 'anna').length).toBe(10);
      uploads.close();
      const again = await TusUploads.open(join(place, 'uploads'), new Spool(join(place, 'spool')), log);
      again.close();
      expect(again.of(id, 'anna').length).toBe(10);
    } finally {
      vi.useRealTimers();
      uploads.close();
    }
  });

  test('of those without an account together is half of all at most', async () => {
    const before = await spool.room();
    await spool.lend(undefined, Math.floor(before * 0.3), async () => {
      await expect(spool.claim(undefined, Math.floor(before * 0.3))).rejects.toMatchObject({ status: 507 });
      (await spool.claim('anna', Math.floor(before * 0.3))).end();
    });
  });

  test('is set aside for a body that does not say how long it is, before it comes', async () => {
    const left: number[] = [];
    const bytes = await spool.lend('anna', undefined, (handle, claim) => {
      async function* body(): AsyncGenerator<Buffer> {
        for (let piece = 0; piece < 24; piece++) {
          await setImmediate();
          yield Buffer.alloc(1024 * 1024);
          left.push(claim.left);
        }
      }
      return spool.take(Readable.from(body()), { handle, offset: 0, size: undefined, owners: [], claim });
    });
    expect([bytes, left.length]).toEqual([24 * 1024 * 1024, 24]);
    expect(left.filter((room) => room < 0)).toEqual([]);
    await expect(
      spool.lend('anna', undefined, async (handle, claim) => {
        const rest = spool.hold('bob', 2 * (await spool.room()), 0);
        const pieces = Array.from({ length: 24 }, () => Buffer.alloc(1024 * 1024));
        await spool.take(Readable.from(pieces), { handle, offset: 0, size: undefined, owners: [], claim }).finally(rest.end);
      }),
    ).rejects.toMatchObject({ status: 507 });
  });

  test('that only older contents have, which nobody reads, is given up for what comes', async () => {
    const before = await spool.room();
    const idle = await spool.claim('bob', Math.floor(before * 0.4));
    spool.onFull(async () => {
      idle.end();
      return true;
    });
    const claim = await spool.claim('bob', Math.floor(before * 0.4));
    expect(claim.left).toBe(Math.floor(before * 0.4));
  });

  test('asked for in vain takes nothing from others', async () => {
    const asked = [9e15, 10, 9e15, 10].map((size, index) => spool.claim(`of ${index}`, size));
    const answers = await Promise.allSettled(asked);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  });
});
