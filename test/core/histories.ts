import fc from 'fast-check';
import type { ContentHash, FilePath, PeerId, RequestId, WriterId } from '../../src/core/ids.ts';
import type { Holding } from '../../src/core/namespace.ts';
import {
  type Draft,
  type Entry,
  type FileVersion,
  makeVersion,
  mayWrite,
  type Tombstone,
  type Version,
} from '../../src/core/version.ts';

export const path = 'a' as FilePath;
export const hex = (digits: number, number: number) => number.toString(16).padStart(digits, '0');
export const peerId = (number: number) => hex(64, number) as PeerId;
export const writerId = (number: number) => hex(16, number) as WriterId;
export const requestId = (number: number) => hex(32, number) as RequestId;
export const contentHash = (number: number) => hex(64, number) as ContentHash;

export type FileDraft = Omit<FileVersion, 'own' | 'vector' | 'inherited'>;

export function fileDraft(content: number, more: Partial<FileDraft> = {}): FileDraft {
  const manifest = { scheme: 1, hash: contentHash(content + 1000) };
  const origin = peerId(1);
  return {
    kind: 'file',
    hash: contentHash(content),
    size: content,
    mode: 0o644,
    manifest,
    found: false,
    origin,
    modifiedMs: 0,
    ...more,
  };
}

export function graveDraft(...buried: number[]): Omit<Tombstone, 'own' | 'vector' | 'inherited'> {
  return { kind: 'tombstone', buried: buried.map(contentHash), origin: peerId(1), modifiedMs: 0 };
}

/** A version of that content by the first step of a writer of its own, or of `own`. */
export function version(
  draft: Draft,
  base: readonly Version[] = [],
  own: Entry = { writer: writerId(fresh()), counter: 1 },
): Version {
  return makeVersion(draft, base, own, base);
}

let last = 0x1000;
function fresh(): number {
  last += 1;
  return last;
}

/** One making: which writer, on top of which versions made before, what. */
const making = fc.record({
  writer: fc.nat(3),
  base: fc.uniqueArray(fc.nat(30), { maxLength: 3 }),
  content: fc.nat(3),
  kind: fc.constantFrom('file' as const, 'file' as const, 'found' as const, 'tombstone' as const),
  request: fc.option(fc.nat(20), { nil: undefined }),
  origin: fc.nat(3),
});

/**
 * Versions of one path as honest peers make them: any base of what was made before, a writer only where it may write, a
 * request repeated only from the same base, found files from none.
 */
export const history: fc.Arbitrary<Version[]> = fc.array(making, { minLength: 1, maxLength: 20 }).map((makings) => {
  const made: Version[] = [];
  const baseOf = new Map<number, Version[]>();
  for (const [index, one] of makings.entries()) {
    const chosen = one.kind === 'found' ? [] : one.base.map((at) => made[at]).filter((found) => found !== undefined);
    const base = one.request === undefined ? chosen : (baseOf.get(one.request) ?? chosen);
    if (one.request !== undefined) baseOf.set(one.request, base);
    const origin = peerId(one.origin);
    const asked = one.request === undefined || one.kind === 'found' ? {} : { request: requestId(one.request) };
    const draft =
      one.kind === 'tombstone'
        ? { ...graveDraft(one.content), origin, ...asked }
        : { ...fileDraft(one.content, { found: one.kind === 'found' }), origin, modifiedMs: index, ...asked };
    const own = { writer: writerId(one.writer), counter: index + 1 };
    const entry = mayWrite(own, base, made) ? own : { ...own, writer: writerId(100 + index) };
    made.push(makeVersion(draft as Draft, one.kind === 'found' ? [] : base, entry, made));
  }
  return made;
});

/** What indexes could say of the versions of a history: any of them, with any holding. */
export const records: fc.Arbitrary<{ peer: PeerId; version: Version; holding: Holding }[]> = history.chain((versions) =>
  fc
    .uniqueArray(
      fc.record({
        peer: fc.nat(3),
        at: fc.nat(versions.length - 1),
        holding: fc.constantFrom<Holding>('all', 'none', { mask: 'f'.repeat(16) }),
      }),
      { selector: ({ peer, at }) => `${peer}/${at}`, minLength: 1 },
    )
    .map((said) => said.map(({ peer, at, holding }) => ({ peer: peerId(peer), version: versions[at] as Version, holding }))),
);
