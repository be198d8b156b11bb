import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import { TAIL_BYTES_MAX } from './calls.ts';
import type { Link } from './link.ts';
import { firstManifest } from './manifest-deadline.ts';

/** Who may have a manifest; `relay`: it is to ask others, when it has none. */
export interface ManifestSource {
  readonly link: Link;
  readonly relay?: boolean;
}

interface Cut {
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly size: number;
}

/** The manifest of a content as `read` understands it, from the first source whose bytes it takes; undefined when none gives such. */
export async function fetchManifest<T>(
  sources: Iterable<ManifestSource>,
  content: Cut,
  read: (manifest: Uint8Array) => T | Promise<T>,
): Promise<T | undefined> {
  const ask = async (source: ManifestSource, deadlineMs: number) => await read(await manifestFrom(source, content, deadlineMs));
  return await firstManifest(sources, content.size, ask).catch(() => undefined);
}

/**
 * Sends a manifest in pieces, in order, as long as the other end wants `more`; resolves with its last word. Rejects with `protocol`
 * when it wants more than there is.
 */
export async function sendManifest<Told extends { readonly more: boolean }>(
  manifest: Uint8Array,
  send: (offset: number, piece: Uint8Array) => Promise<Told>,
): Promise<Told> {
  for (let offset = 0; ; ) {
    const piece = manifest.subarray(offset, offset + TAIL_BYTES_MAX);
    const told = await send(offset, piece);
    if (!told.more) return told;
    offset += piece.length;
    if (offset >= manifest.length) throw new MeshError('protocol', 'a peer wants more of a manifest than there is');
  }
}

async function manifestFrom({ link, relay }: ManifestSource, { path, hash }: Cut, deadlineMs: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let have = 0;
  for (;;) {
    const ask = { path, hash, offset: have, ...(relay === true && { relay }) };
    const { reply, tail } = await link.call('manifest', ask, { deadlineMs });
    have += tail.length;
    const isWrong = reply.size > STRIPED_MANIFEST_BYTES_MAX || have > reply.size || (tail.length === 0 && have < reply.size);
    if (isWrong) throw new MeshError('corrupt', `a manifest of ${reply.size} bytes comes with ${have}`);
    // Out of the memory of the link, which is used again.
    pieces.push(tail.slice());
    if (have === reply.size) return Buffer.concat(pieces);
  }
}
