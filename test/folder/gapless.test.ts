import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gapless } from '../../src/folder/gapless.ts';

describe('how far a file is written without a gap', () => {
  it('is told of writes in any order, also overlapping ones', () => {
    const writes = fc.array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 60 });
    fc.assert(
      fc.property(fc.nat(20), writes, (have, all) => {
        const gapless = new Gapless(have);
        const isWritten = new Array<boolean>(100).fill(false).fill(true, 0, have);
        for (const [offset, length] of all) {
          gapless.add(offset, length);
          isWritten.fill(true, offset, offset + length);
          expect(gapless.have).toBe(isWritten.indexOf(false));
        }
      }),
    );
  });

  it('takes any number of writes that touch, and refuses thousands that do not', () => {
    const gapless = new Gapless(0);
    for (let at = 10_000; at > 1; at--) gapless.add(at, 1);
    expect(gapless.have).toBe(0);
    gapless.add(0, 2);
    expect(gapless.have).toBe(10_001);
    const scattered = () => {
      for (let at = 0; at < 20_000; at++) gapless.add(20_000 + 2 * at, 1);
    };
    expect(scattered).toThrow(/too many ranges/);
  });
});
