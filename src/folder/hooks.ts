import { type ChunkKey, keysOf } from '../core/chunk-list.ts';
import type { ContentHash } from '../core/ids.ts';

/**
 * Chunks of a content for each of which one is a hook. At 64, of two contents of 1 GiB that share 5 % of their chunks 99 %
 * are found, and 1 TB has 130,000 hooks. Range 16–256.
 */
const CHUNKS_A_HOOK = 64;
/** Of a content of few chunks. Two that share half of them are found in 94 of 100 cases. Range 2–16. */
const HOOKS_MIN = 4;
/** All hooks kept in memory, some 40 bytes each: beyond that the first ones go. Range 2^14–2^20. */
const HOOKS_MAX = 262_144;
const HOOK_BYTES = 4;

/**
 * Which contents here may share chunks with one that is to come. Of each content only some chunks are kept, its hooks: those
 * of the smallest hashes, so that it is chance which, and the same chance everywhere (sparse indexing, Lillibridge 2009).
 * Who has the manifest of the new content holds all of its chunks against them.
 */
export class Hooks {
  readonly #contents = new Map<ChunkKey, ContentHash>();

  /** Takes the hooks of a content in: of a chunk in several contents it is the last one that is found. */
  add(hash: ContentHash, hooks: Uint8Array): void {
    for (const key of decodeHooks(hooks)) {
      this.#contents.delete(key);
      this.#contents.set(key, hash);
    }
    for (const first of this.#contents.keys()) {
      if (this.#contents.size <= HOOKS_MAX) return;
      this.#contents.delete(first);
    }
  }

  remove(hash: ContentHash, hooks: Uint8Array): void {
    for (const key of decodeHooks(hooks)) if (this.#contents.get(key) === hash) this.#contents.delete(key);
  }

  /** The contents that have hooks among these chunks, that with the most first. */
  like(keys: Int32Array): ContentHash[] {
    const counts = new Map<ContentHash, number>();
    // An iterator would take as long as the look-ups, of which there may be 500,000.
    for (let index = 0; index < keys.length; index++) {
      const hash = this.#contents.get(keys[index] as ChunkKey);
      if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    return [...counts].sort(([, a], [, b]) => b - a).map(([hash]) => hash);
  }
}

/** The hooks of a content by its encoded manifest: 4 bytes each. */
export function hooksOf(manifest: Uint8Array): Uint8Array {
  const all = keysOf(manifest);
  const count = Math.min(all.length, Math.max(HOOKS_MIN, Math.floor(all.length / CHUNKS_A_HOOK)));
  const keys = smallestOf(all, count);
  const bytes = Buffer.alloc(count * HOOK_BYTES);
  for (let index = 0; index < count; index++) bytes.writeInt32BE(keys[index] as number, index * HOOK_BYTES);
  return bytes;
}

/** The `count` smallest, in order, and maybe some more. */
function smallestOf(keys: Int32Array, count: number): Int32Array {
  // Half of those below it suffice, by all chance: to sort some 500,000 takes long.
  const limit = -(2 ** 31) + (2 ** 33 * count) / keys.length;
  const small = keys.filter((key) => key < limit);
  return (small.length < count ? keys : small).sort();
}

function* decodeHooks(hooks: Uint8Array): Iterable<ChunkKey> {
  const bytes = Buffer.from(hooks.buffer, hooks.byteOffset, hooks.length);
  for (let at = 0; at + HOOK_BYTES <= bytes.length; at += HOOK_BYTES) yield bytes.readInt32BE(at);
}
