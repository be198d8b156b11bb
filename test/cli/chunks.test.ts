import { describe, expect, it } from 'vitest';
import { chunksText } from '../../src/cli/verbs/show.ts';
import { withChunks } from '../../src/client/results.ts';
import type { ShownContent } from '../../src/wire/calls.ts';

const content = { shownPath: 'a (alpha).bin' } as ShownContent;
const chunk = (offset: number, size: number) => ({
  offset,
  size,
  hash: '0123456789abcdef'.repeat(4),
  holders: ['alpha', 'bravo'],
});

describe('where --chunks', () => {
  it('is a table for people', () => {
    expect(chunksText([chunk(0, 65_536), chunk(65_536, 100)], content)).toBe(
      [
        'a (alpha).bin: 2 chunks',
        'chunk  offset    size  hash              where',
        '    0       0  64 KiB  0123456789abcdef  alpha, bravo',
        '    1   65536   100 B  0123456789abcdef  alpha, bravo',
      ].join('\n'),
    );
  });

  it('is one line for a file of one', () => {
    expect(chunksText([chunk(0, 100)], content)).toBe('a (alpha).bin: 1 chunk, 100 B, 0123456789abcdef, on alpha, bravo');
  });

  it('is one list for each content', () => {
    const common = { size: 1, modified: '', origin: '', holders: [] };
    const shown = { ...common, path: 'a', version: '', copies: 1, wanted: 2, available: true, loss: [] };
    expect(withChunks({ ...shown, conflict: false }, [[chunk(0, 1)]])).toMatchObject({ chunks: [chunk(0, 1)] });
    const versions = ['x', 'y'].map((version) => ({ ...common, version }));
    const both = withChunks({ ...shown, conflict: true, versions }, [[chunk(0, 1)], [chunk(0, 2)]]);
    expect(both.versions?.map(({ chunks }) => chunks)).toEqual([[chunk(0, 1)], [chunk(0, 2)]]);
    expect(both.chunks).toBeUndefined();
    const one = withChunks({ ...shown, conflict: true, versions }, [undefined, [chunk(0, 2)]]);
    expect(one.versions?.map(({ chunks }) => chunks)).toEqual([undefined, [chunk(0, 2)]]);
  });

  it('says of a content whose holders are away that nobody can tell', () => {
    expect(chunksText(undefined, content)).toBe('a (alpha).bin: its chunks are known to its holders only, and those are away');
  });
});
