import { decodeManifest, MANIFEST_FILE_BYTES_MIN } from '../../core/chunking.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { Entry, ShownContent } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { manifestDeadlineMs } from '../../wire/manifest-deadline.ts';
import { ask } from '../ask.ts';
import { type ShownChunk, shownChunks } from '../results.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

/** Parts of one manifest: 1 MiB each, so enough for any file there can be. */
const PARTS_MAX = 1_000;

/** The chunks of one content of a name, in order. Rejects with `unavailable` when no holder of a large one is in reach. */
export async function chunksOf(
  session: Session,
  entry: Entry,
  content: ShownContent,
  options: Pick<VerbOptions, 'signal'>,
): Promise<ShownChunk[]> {
  // It travels whole: its one chunk is all of it, and nobody has a manifest of it.
  const isStriped = content.holders.some(({ runs }) => runs !== undefined);
  if (content.size < MANIFEST_FILE_BYTES_MIN && !isStriped)
    return shownChunks(content, [{ length: content.size, hash: content.hash }]);
  if (!content.holders.some((holder) => holder.live)) {
    const names = content.holders.map((holder) => holder.name).join(', ');
    throw new MeshError('unavailable', `the chunks of ${quote(entry.path)} are known to its holders only: ${names}, away now`);
  }
  return await session.attempt((link) => fromAny(session, link, entry, content), { signal: options.signal });
}

/** From the first live holder that tells; when none can be reached from here, `link` asks them. */
async function fromAny(session: Session, link: Link, entry: Entry, content: ShownContent): Promise<ShownChunk[]> {
  const live = content.holders.filter((holder) => holder.live);
  for (const holder of [...live.filter(({ id }) => id === link.peer), ...live.filter(({ id }) => id !== link.peer)]) {
    const found = await session.linkTo(holder);
    if (found === undefined) continue;
    try {
      return await chunksFrom(found, entry, content, false);
    } catch (thrown) {
      // The next one may have it still; the last word has the own peer.
      if (asMeshError(thrown).code === 'not-allowed') throw thrown;
    }
  }
  return await chunksFrom(link, entry, content, true);
}

async function chunksFrom(link: Link, { path }: Entry, content: ShownContent, relay: boolean): Promise<ShownChunk[]> {
  const { hash, size } = content;
  const parts: Uint8Array[] = [];
  let have = 0;
  for (let whole = 1; have < whole && parts.length < PARTS_MAX; ) {
    const options = { deadlineMs: manifestDeadlineMs(size), subject: path };
    const { reply, tail } = await ask(link, 'manifest', { path, hash, offset: have, ...(relay ? { relay } : {}) }, options);
    if (tail.length === 0) break;
    parts.push(tail);
    have += tail.length;
    whole = reply.size;
  }
  const rows = decodeManifest(new Uint8Array(Buffer.concat(parts)), size);
  return shownChunks(
    content,
    rows.map((row) => ({ length: row.length, hash: Buffer.from(row.hash).toString('hex') })),
  );
}
