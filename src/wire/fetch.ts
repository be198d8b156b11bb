import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { ContentFetch } from './content-fetch.ts';
import type { Link } from './link.ts';

export interface FetchOptions {
  readonly path: FilePath;
  readonly hash: ContentHash;
  /** Bytes of the whole content. */
  readonly size: number;
  /** Links to those who should have it, best first. Asked again while the fetch lasts: links come and go. */
  sources(): readonly Link[];
  /** Asked to relay the content from elsewhere, when no source is left. */
  readonly relaySource?: Link | undefined;
  readonly sink: {
    /** Takes bytes once for each offset, several at a time, and out of order by 32 MiB at most. The sink's to keep. */
    write(offset: number, bytes: Uint8Array): Promise<void>;
  };
  /** Bytes from the start that are there already. */
  readonly from?: number | undefined;
  readonly clock: Clock;
  /** Told after each write: bytes there in all, `from` included. */
  progress?(bytes: number): void;
  /** Calls the fetch off: it rejects with `closed`. */
  readonly stop?: AbortSignal | undefined;
  /** An older content, read with `read-old` (from peers only). */
  readonly old?: boolean | undefined;
}

/**
 * Pulls one content through links into a sink, from several sources at once. A source that fails or falls silent is
 * dropped, and its reads go to the others. Resolves when the last write has, with the bytes each source gave. What was
 * written is not verified: the caller hashes the whole. Rejects with `unavailable` when no source is left, with `closed`
 * when it was stopped, or with what the sink rejected with; in every case no write is under way then.
 */
export function fetchContent(options: FetchOptions): Promise<Map<PeerId, number>> {
  return new Promise((resolve, reject) => new ContentFetch(options, resolve, reject).start());
}
