import { describe, expect, test } from 'vitest';
import { TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { sendManifest } from '../../src/wire/manifest.ts';

describe('a manifest that is sent', () => {
  const manifest = new Uint8Array(2 * TAIL_BYTES_MAX + 36);

  test('goes in pieces, in order, until no more is wanted', async () => {
    const sent: [number, number][] = [];
    const told = await sendManifest(manifest, async (offset, piece) => {
      sent.push([offset, piece.length]);
      return { more: offset < TAIL_BYTES_MAX, have: 'ff' };
    });
    expect([sent, told.have]).toEqual([
      [
        [0, TAIL_BYTES_MAX],
        [TAIL_BYTES_MAX, TAIL_BYTES_MAX],
      ],
      'ff',
    ]);
  });

  test('has an end, whatever the other end wants', async () => {
    for (const [bytes, pieces] of [
      [manifest, 3],
      [new Uint8Array(0), 1],
      [new Uint8Array(TAIL_BYTES_MAX), 1],
    ] as const) {
      let asked = 0;
      const sending = sendManifest(bytes, async () => ({ more: ++asked < 100 }));
      await expect(sending).rejects.toMatchObject({ code: 'protocol' });
      expect(asked).toBe(pieces);
    }
  });
});
