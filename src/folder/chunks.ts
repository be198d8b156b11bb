import { CHUNKING_SCHEME, decodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { Copies } from './copies.ts';
import { copyRange } from './copying.ts';
import type { Staging } from './face.ts';
import type { HeldCopy } from './held-table.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';

/** Bytes of the new content that lie in an older one. */
interface Run extends Range {
  readonly from: number;
}

/** Contents as chunks: their manifests, and of a content that is to come what lies here already. */
export class Chunks {
  readonly #room: Room;
  readonly #copies: Copies;
  readonly #runs: Runs;

  constructor(room: Room, copies: Copies, runs: Runs) {
    this.#room = room;
    this.#runs = runs;
    this.#copies = copies;
  }

  /** The encoded manifest of a content that lies here, or of which runs do. Rejects with `gone` or `paused`. */
  async manifest(path: FilePath, hash: ContentHash): Promise<Uint8Array> {
    const kept = this.#room.held.find(path, hash) === undefined ? await this.#runs.manifest(hash) : undefined;
    return kept ?? (await this.#copies.manifest(path, hash));
  }

  /** True when a content of so many bytes comes by chunks, each checked by itself. */
  isCut(size: number): boolean {
    return size >= (this.#room.options.config.chunkedBytesMin ?? MANIFEST_FILE_BYTES_MIN);
  }

  /** True when an older content of the path lies here, that the new one may share chunks with: its manifest is worth asking for. */
  mayReuse(path: FilePath, version: FileVersion): boolean {
    const { size, manifest } = version;
    return size >= MANIFEST_FILE_BYTES_MIN && manifest.scheme === CHUNKING_SCHEME && this.#baseOf(path, version) !== undefined;
  }

  /**
   * Fills an empty staging with what of a content lies here; resolves with what is missing, in order. Rejects with
   * `corrupt` for a manifest that is not the content's, or as `Folder.open` does for the older content: what was written
   * until then stays, and may be written over.
   */
  async fill(path: FilePath, version: FileVersion, staging: Staging, manifest: Uint8Array): Promise<Range[]> {
    if (manifest.length > STRIPED_MANIFEST_BYTES_MAX || this.#room.options.hasher.hash(manifest) !== version.manifest.hash)
      throw new MeshError('corrupt', `the manifest that came for ${path} is not the announced one`);
    const rows = decodeManifest(manifest, version.size);
    const base = this.#baseOf(path, version);
    if (base === undefined) return [{ offset: 0, length: version.size }];
    const { runs, missing } = planOf(rows, decodeManifest(await this.#copies.manifest(path, base.hash), base.stat.size));
    if (runs.length === 0) return missing;
    const copy = await this.#copies.open(path, base.hash);
    try {
      for (const run of runs) await copyRange(copy, staging, run);
    } finally {
      await copy.close();
    }
    return missing;
  }

  #baseOf(path: FilePath, version: FileVersion): HeldCopy | undefined {
    return this.#room.held.copies(path).find((copy) => copy.hash !== version.hash && copy.stat.size >= MANIFEST_FILE_BYTES_MIN);
  }
}

/** Which bytes of the new content come from where in the old one, and which from nowhere: both in order. */
function planOf(rows: readonly ManifestRow[], base: readonly ManifestRow[]): { runs: Run[]; missing: Range[] } {
  const known = new Map<string, number>();
  let at = 0;
  for (const row of base) {
    known.set(keyOf(row), at);
    at += row.length;
  }
  const runs: Run[] = [];
  const missing: Range[] = [];
  let offset = 0;
  for (const row of rows) {
    const from = known.get(keyOf(row));
    const last = runs.at(-1);
    if (from === undefined) addRange(missing, offset, row.length);
    else if (last !== undefined && last.offset + last.length === offset && last.from + last.length === from)
      runs[runs.length - 1] = { ...last, length: last.length + row.length };
    else runs.push({ offset, from, length: row.length });
    offset += row.length;
  }
  return { runs, missing };
}

function addRange(ranges: Range[], offset: number, length: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.offset + last.length === offset) {
    ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
  } else ranges.push({ offset, length });
}

function keyOf({ length, hash }: ManifestRow): string {
  return `${length}/${Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1')}`;
}
