import type { ContentHash } from '../core/ids.ts';
import type { StagedChunks } from './staged-chunks.ts';

/** What the store keeps of a staging: its bytes up to `have` are synced, and of a cut one those chunks that were right. */
export interface StagingRow {
  readonly have: number;
  /** Hash of the manifest, and a bit a chunk in base64. */
  readonly cut?: { readonly manifest: ContentHash; readonly chunks: string };
}

export function rowOf(have: number, chunks: StagedChunks | undefined): StagingRow {
  if (chunks === undefined) return { have };
  return { have, cut: { manifest: chunks.cut.manifestHash, chunks: Buffer.from(chunks.bitmap()).toString('base64') } };
}

/** The chunks noted of a content that is cut so. */
export function notedChunks({ cut }: StagingRow, manifest: ContentHash): Uint8Array | undefined {
  return cut?.manifest === manifest ? Buffer.from(cut.chunks, 'base64') : undefined;
}
