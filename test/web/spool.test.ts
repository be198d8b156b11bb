import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spool } from '../../src/web/spool.ts';
import { TusUploads } from '../../src/web/tus-uploads.ts';

const PIECES = 512;
const PIECE_BYTES = 64 * 1024;

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
    const handle = await spool.open();
    try {
      expect(await spool.take(body, { handle, offset: 0, size: undefined, owners: [] })).toBe(PIECES * PIECE_BYTES);
    } finally {
      await handle.close();
    }
    expect(left()).toBeLessThan(64);
  });

  test('only the last pieces are in memory while it comes as a part', async () => {
    const { body, left } = watchedBody();
    const uploads = await TusUploads.open(join(place, 'uploads'), spool);
    try {
      const length = PIECES * PIECE_BYTES;
      const note = { path: 'a', length, wish: {}, modifiedMs: undefined, user: undefined };
      const { id } = await uploads.begin(note);
      const part = { body, said: String(length), owners: [] };
      const to = { id, user: undefined, offset: 0, end: () => {} };
      expect((await uploads.append(to, part, async () => {})).offset).toBe(length);
    } finally {
      uploads.close();
    }
    expect(left()).toBeLessThan(64);
  });
});
