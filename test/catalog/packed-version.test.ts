import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asPacked, bytesOf, packVersion, unpackVersion } from '../../src/catalog/packed-version.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { fileDraft, graveDraft, history, requestId, version } from '../core/histories.ts';

describe('a packed version', () => {
  it('unpacks to what was packed, also by way of the bytes in the store', () => {
    fc.assert(
      fc.property(history, (versions) => {
        for (const one of versions) expect(unpackVersion(asPacked(bytesOf(packVersion(one))))).toEqual(one);
      }),
    );
  });

  it('is the same for the same version, whoever decoded it', () => {
    fc.assert(
      fc.property(history, (versions) => {
        for (const one of versions)
          expect(packVersion(Object.fromEntries(Object.entries(one).reverse()) as never)).toBe(packVersion(one));
      }),
    );
  });

  it.each([
    ['a rename', version({ ...graveDraft(1, 2), renamedTo: 'dir/\u00fc' as FilePath })],
    ['a request and a time between milliseconds', version({ ...fileDraft(1), request: requestId(5), modifiedMs: -0.125 })],
    ['ids that are no hex digits', version({ ...fileDraft(1), origin: 'nobody' as PeerId })],
    ['a file beyond 4 GiB', version(fileDraft(2 ** 45 + 1))],
  ])('keeps %s', (_, one) => {
    expect(unpackVersion(packVersion(one))).toEqual(one);
  });

  it('takes fewer than 200 bytes for a new file', () => {
    expect(packVersion(version(fileDraft(1))).length).toBeLessThan(200);
  });

  it('that is none is refused', () => {
    for (const bytes of [[], [0x07], [0x93, 1, 2, 3], [0xc1]]) {
      expect(() => unpackVersion(asPacked(Uint8Array.from(bytes)))).toThrow();
    }
  });
});
