import { Chunker, encodeManifest, type ManifestRow } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import type { Cut, RunningHash, Source } from './transfer.ts';
import { checkStopped } from './waiting.ts';

/** Bytes read at a time. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Reads a source that cannot cut itself once, on this thread, for its hash and manifest. Rejects with `changed` when it is not
 * what it was at its opening.
 */
export async function cutSource(source: Source, newHash: () => RunningHash, signal: AbortSignal | undefined): Promise<Cut> {
  const whole = newHash();
  const chunker = new Chunker(source.size);
  const rows: ManifestRow[] = [];
  let open = newHash();
  let openBytes = 0;
  const close = () => {
    rows.push({ length: openBytes, hash: Buffer.from(open.hex(), 'hex') });
    open = newHash();
    openBytes = 0;
  };
  for (let offset = 0; offset < source.size; ) {
    checkStopped(signal);
    const bytes = await source.read(offset, Math.min(PIECE_BYTES, source.size - offset));
    if (bytes.length === 0)
      throw new MeshError('changed', 'the file became shorter while it was read; nothing was stored, try again');
    whole.update(bytes);
    let from = 0;
    for (const cut of chunker.push(bytes)) {
      const last = bytes.subarray(from, cut - offset);
      open.update(last);
      openBytes += last.length;
      close();
      from = cut - offset;
    }
    open.update(bytes.subarray(from));
    openBytes += bytes.length - from;
    offset += bytes.length;
  }
  if (chunker.finish().length > 0) close();
  await source.check();
  const manifest = encodeManifest(rows);
  const ofManifest = newHash();
  ofManifest.update(manifest);
  return { hash: whole.hex(), manifest, manifestHash: ofManifest.hex() };
}
