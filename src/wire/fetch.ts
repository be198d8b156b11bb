import type { PeerId } from '../core/ids.ts';
import { ContentFetch } from './content-fetch.ts';
import type { FetchOptions } from './fetch-options.ts';

/**
 * Pulls one content through links into a sink, from several sources at once. A source that fails or falls silent is
 * dropped, and its reads go to the others. Where the chunks are known each is checked as it is there: a wrong one comes once
 * more, and who gave it by itself is dropped. Resolves when the last write has, with the bytes each source gave. Without chunks
 * what was written is not verified: the caller hashes the whole. Rejects with `unavailable` when no source is left, with `closed`
 * when it was stopped, or with what the sink rejected with; in every case no write is under way then.
 */
export function fetchContent(options: FetchOptions): Promise<Map<PeerId, number>> {
  return new Promise((resolve, reject) => new ContentFetch(options, resolve, reject).start());
}
