import { MeshError } from '../core/errors.ts';

/**
 * Manifests under way that are in memory, in all, of uploads by chunks, of uploads in runs, and of runs that come from other
 * peers, each by themselves: that of 1 GiB has 0.3 MiB, the largest 20 MiB, and beside each lie 8 bytes a chunk, a quarter more.
 * Range 20–1,024 MiB.
 */
export const MANIFEST_BYTES_ALL = 64 * 1024 * 1024;
/** Of those, what one account has at most, so that others have room for the largest. 20 MiB – MANIFEST_BYTES_ALL - 20 MiB. */
const MANIFEST_BYTES_EACH = MANIFEST_BYTES_ALL / 2;

/** Something under way that holds a manifest. */
export interface ManifestHolder {
  /** Booked for it. */
  readonly manifestBytes: number;
  /** The account whose it is; undefined: nobody need be told apart. */
  readonly by: string | undefined;
}

/**
 * Those of `others` that are to be let go, as far as they may, so that a manifest of `bytes` has room beside the rest; the first
 * first. Throws `busy` when that is not enough: then all stay.
 */
export function roomForManifest<One extends ManifestHolder>(
  { manifestBytes, by }: ManifestHolder,
  others: readonly One[],
  mayGo: (one: One) => boolean,
): One[] {
  const gone = new Set<One>();
  const makeRoom = (bytesMax: number, counted: readonly One[]): void => {
    let bytes = counted.reduce((sum, one) => sum + (gone.has(one) ? 0 : one.manifestBytes), 0);
    for (const one of counted) {
      if (bytes + manifestBytes <= bytesMax) return;
      if (gone.has(one) || one.manifestBytes === 0 || !mayGo(one)) continue;
      bytes -= one.manifestBytes;
      gone.add(one);
    }
    if (bytes + manifestBytes > bytesMax) throw new MeshError('busy', 'too many large uploads are under way: try again later');
  };
  if (by !== undefined) {
    makeRoom(
      MANIFEST_BYTES_EACH,
      others.filter((one) => one.by === by),
    );
  }
  makeRoom(MANIFEST_BYTES_ALL, others);
  return [...gone];
}
