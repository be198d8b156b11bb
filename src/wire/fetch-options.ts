import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import type { Clock } from '../platform/clock.ts';
import type { Link } from './link.ts';
import type { RateLimit } from './rate-limit.ts';

/** What is to be pulled, from whom, and where to. */
export interface FetchOptions {
  readonly path: FilePath;
  readonly hash: ContentHash;
  /** Bytes of the whole content. */
  readonly size: number;
  /** Links to those who should have it, best first. Asked again while the fetch lasts: links come and go. */
  sources(): readonly Link[];
  /** What of the content a source has, in order; undefined: all of it. */
  reach?(source: Link): readonly Range[] | undefined;
  /** Asked to relay the content from elsewhere, when no source is left. */
  readonly relaySource?: Link | undefined;
  readonly sink: {
    /** Takes bytes once for each offset, several at a time, and out of order by 32 MiB at most. The sink's to keep. */
    write(offset: number, bytes: Uint8Array): Promise<void>;
    /** Of chunks whose bytes are all written, by number: gives those that are wrong. Their bytes come once more. */
    check?(chunks: readonly number[]): Promise<readonly number[]>;
  };
  /** Where the chunks of the content end, in order, in bytes: then `check` is asked of each. What is missing is whole chunks. */
  readonly ends?: ArrayLike<number> | undefined;
  /** Called once for a source that gave a wrong chunk all by itself; it is not asked again. */
  blamed?(source: Link): void;
  /** Bytes from the start that are there already. */
  readonly from?: number | undefined;
  /** What is to be pulled, where it is not all from `from` on: in order, and none touches another. */
  readonly missing?: readonly Range[] | undefined;
  /** How far ahead of the first byte not yet written is asked, in bytes; at least a chunk, at most and by default SPAN_BYTES_MAX. */
  readonly spanBytes?: number | undefined;
  readonly clock: Clock;
  /** On what is taken in; shared with other fetches. */
  readonly limit?: RateLimit | undefined;
  /** Told after each write: bytes there in all, those not missing included. */
  progress?(bytes: number): void;
  /** Calls the fetch off: it rejects with `closed`. */
  readonly stop?: AbortSignal | undefined;
  /** An older content, read with `read-old`. */
  readonly old?: boolean | undefined;
}
