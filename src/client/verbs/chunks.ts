import { ChunkList } from '../../core/chunk-list.ts';
import { MANIFEST_FILE_BYTES_MIN } from '../../core/chunking.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { Entry, Holder, ShownContent } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { fetchManifest, type ManifestSource } from '../../wire/manifest.ts';
import { manifestDeadlineMs } from '../../wire/manifest-deadline.ts';
import { never } from '../attempt.ts';
import { firstOf } from '../first-of.ts';
import { type ShownChunk, shownChunks } from '../results.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

/** Holders asked at once for a manifest: the first answer is enough, the others came for nothing. 1…8. */
const ASKED_AT_ONCE_MAX = 3;

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
  return await session.attempt((link) => fromAny(session, link, entry, content), { signal: options.signal, changedMs: never });
}

/**
 * The same of each content of a name; undefined of one of several whose holders are away. Rejects with `unavailable` when those of
 * all are.
 */
export async function chunksOfEach(
  session: Session,
  entry: Entry,
  options: Pick<VerbOptions, 'signal'>,
): Promise<(ShownChunk[] | undefined)[]> {
  const tried = await Promise.allSettled(entry.contents.map((content) => chunksOf(session, entry, content, options)));
  const failures = tried.flatMap((one) => (one.status === 'rejected' ? [asMeshError(one.reason)] : []));
  const failure = failures.find(({ code }) => code !== 'unavailable') ?? failures[tried.length - 1];
  if (failure !== undefined) throw failure;
  return tried.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
}

/** From the first live holder that tells; when none can be reached from here, `link` asks them. */
async function fromAny(session: Session, link: Link, { path }: Entry, content: ShownContent): Promise<ShownChunk[]> {
  const { hash, size, holders } = content;
  const live = holders.filter((holder) => holder.live);
  const nearFirst = [...live.filter(({ id }) => id === link.peer), ...live.filter(({ id }) => id !== link.peer)];
  const askedOf = (source: ManifestSource) =>
    fetchManifest([source], { path, hash, size }, (manifest) => ChunkList.of(manifest, size));
  const askedOfHolder = async (holder: Holder) => {
    const found = await session.linkTo(holder);
    return found && (await askedOf({ link: found }));
  };
  const limits = { clock: session.clock, atOnceMax: ASKED_AT_ONCE_MAX, deadlineMs: manifestDeadlineMs(size) };
  const chunks = (await firstOf(nearFirst, askedOfHolder, limits)) ?? (await askedOf({ link, relay: true }));
  if (chunks === undefined && !link.open) throw new MeshError('closed', 'the link is down');
  if (chunks === undefined) throw new MeshError('unavailable', `no holder tells the chunks of ${quote(path)} now`);
  const hashOf = (chunk: number) => Buffer.from(chunks.hash(chunk)).toString('hex');
  return shownChunks(
    content,
    Array.from(chunks.ends, (_, chunk) => ({ length: chunks.length(chunk), hash: hashOf(chunk) })),
  );
}
