import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import type { Link } from './link.ts';
import { manifestDeadlineMs } from './manifest-deadline.ts';

/** The manifest of a content from the first of `links` that gives it whole, not verified; undefined when none does. */
export async function fetchManifest(
  links: readonly Link[],
  content: { readonly path: FilePath; readonly hash: ContentHash; readonly size: number; readonly relay?: boolean },
): Promise<Uint8Array | undefined> {
  for (const link of links) {
    try {
      return await manifestFrom(link, content);
    } catch {
      // The next one may have it: who has none at all says so by `undefined`.
    }
  }
  return undefined;
}

async function manifestFrom(
  link: Link,
  { path, hash, size, relay }: { path: FilePath; hash: ContentHash; size: number; relay?: boolean },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let have = 0;
  for (;;) {
    const ask = { path, hash, offset: have, ...(relay === true && { relay }) };
    const { reply, tail } = await link.call('manifest', ask, { deadlineMs: manifestDeadlineMs(size) });
    have += tail.length;
    const isWrong = reply.size > STRIPED_MANIFEST_BYTES_MAX || have > reply.size || (tail.length === 0 && have < reply.size);
    if (isWrong) throw new MeshError('corrupt', `a manifest of ${reply.size} bytes comes with ${have}`);
    // Out of the memory of the link, which is used again.
    pieces.push(tail.slice());
    if (have === reply.size) return Buffer.concat(pieces);
  }
}
