import { decodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow } from '../../core/chunking.ts';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { Entry, ShownContent } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { fetchManifest } from '../../wire/manifest.ts';
import { type ShownChunk, shownChunks } from '../results.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

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
async function fromAny(session: Session, link: Link, { path }: Entry, content: ShownContent): Promise<ShownChunk[]> {
  const { hash, size, holders } = content;
  const live = holders.filter((holder) => holder.live);
  const ordered = [...live.filter(({ id }) => id === link.peer), ...live.filter(({ id }) => id !== link.peer)];
  let rows: readonly ManifestRow[] | undefined;
  const read = (manifest: Uint8Array) => decodeManifest(manifest, size);
  for (const holder of ordered) {
    const found = await session.linkTo(holder);
    if (found !== undefined) rows ??= await fetchManifest([{ link: found }], { path, hash, size }, read);
    if (rows !== undefined) break;
  }
  rows ??= await fetchManifest([{ link, relay: true }], { path, hash, size }, read);
  if (rows === undefined && !link.open) throw new MeshError('closed', 'the link is down');
  if (rows === undefined) throw new MeshError('unavailable', `no holder tells the chunks of ${quote(path)} now`);
  return shownChunks(
    content,
    rows.map((row) => ({ length: row.length, hash: Buffer.from(row.hash).toString('hex') })),
  );
}
