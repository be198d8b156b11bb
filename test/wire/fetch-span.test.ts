import { beforeEach, describe, expect, test } from 'vitest';
import { SPAN_BYTES_MAX } from '../../src/wire/fetch-limits.ts';
import { FetchBench, MIB } from './fetch-bench.ts';

const SIZE = SPAN_BYTES_MAX + 4 * MIB;

let bench: FetchBench;
let content: Uint8Array;

beforeEach(() => {
  bench = new FetchBench('span');
  content = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31) >> 7);
});

describe('a content of which the only holder in reach has a part', () => {
  /** Its part begins so far before the end of the span: less than one read, one byte, on it, beyond. */
  test.each([100_000, 1, 0, -1])(
    'that begins %i bytes before as far as may be asked: the relay brings what is before',
    async (bytes) => {
      const { link: holder } = await bench.holder('holder', content);
      const { link: relay } = await bench.holder('relay', content);
      const sink = bench.sink(SIZE);
      const begin = SPAN_BYTES_MAX - bytes;
      const reach = () => [{ offset: begin, length: SIZE - begin }];
      await bench.settle(bench.fetch(SIZE, sink, [holder], { reach, relaySource: relay }));
      expect(Buffer.compare(sink.bytes, content)).toBe(0);
    },
  );
});
