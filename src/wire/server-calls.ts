import { z } from 'zod';
import type { Role } from '../core/facts.ts';
import { both, peers } from './callers.ts';
import {
  addressShape,
  contentHashShape,
  countShape,
  emptyShape,
  filePathShape,
  httpShape,
  labelShape,
  modeShape,
  peerIdShape,
  requestIdShape,
  runMaskShape,
  versionKeyShape,
  wallShape,
  wordsShape,
} from './shapes.ts';
import { holderShape, TAIL_BYTES_MAX, UPLOAD_CALLS, uploadIdShape } from './upload-calls.ts';

/** What the room `server` answers: the clients' verbs, and the claims of other peers. */

/** Entries of one page of `list`. */
export const LIST_ENTRIES_MAX = 500;
/** Of one entry: more versions beside each other than honest peers make are not all told, or else nobody could read the list. */
export const ENTRY_CONTENTS_MAX = 64;
export const ENTRY_BASE_MAX = 128;
export const CONTENT_VERSIONS_MAX = 64;
/** Peers that somebody may say gave wrong bytes. Range 16–1,000. */
export const WRONG_GIVERS_MAX = 64;
/** Links of one peer that `traffic` tells: of the largest mesh that is planned for all. Range 51–1,000. */
export const TRAFFIC_LINKS_MAX = 64;
/**
 * What a read is answered with. `given`: bytes of the tail, fewer than asked since what the sender sends is limited; 0: its
 * turn has not come, ask again.
 */
export const readReplyShape = z.object({ size: countShape, given: countShape.optional() });

export const contentShape = z.object({
  hash: contentHashShape,
  size: countShape,
  modified: wallShape,
  mode: modeShape,
  /** Shown name of the origin, with four digits of the hash where one origin has two contents. */
  origin: wordsShape,
  /** `name (origin).ext` in a conflict, else the path. */
  shownPath: z.string().max(2048),
  versions: z.array(versionKeyShape).max(CONTENT_VERSIONS_MAX),
  holders: z.array(holderShape).max(1000),
  /** Hash of the manifest: how it is cut. */
  manifest: contentHashShape.optional(),
  /** Live, verified copies; of a striped content those of its rarest run. */
  copies: countShape,
  /** Live peers have runs of a striped content, but not all of them. */
  incomplete: z.boolean().optional(),
});

export const entryShape = z.object({
  path: filePathShape,
  /** Contents now; more than one is a conflict; none: deleted (only listed on request). */
  contents: z.array(contentShape).max(ENTRY_CONTENTS_MAX),
  /** Own entries of every undominated version and tombstone: the base of the next change. */
  base: z.array(versionKeyShape).max(ENTRY_BASE_MAX),
  wanted: countShape,
  /** Why it has fewer copies than wanted, in words, when the owner knows. */
  note: wordsShape.optional(),
  deletedMs: wallShape.optional(),
});

export const doneShape = z.object({
  path: filePathShape,
  /** The version made (own entry), and its content; absent hash for a delete. */
  version: versionKeyShape,
  hash: contentHashShape.optional(),
  copies: countShape,
  wanted: countShape,
  note: wordsShape.optional(),
});

/** One change asked for by a client: carried out at most once for one request id. */
export const changeShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('create'), path: filePathShape, upload: uploadIdShape }),
  z.object({ kind: z.literal('put'), path: filePathShape, upload: uploadIdShape }),
  z.object({ kind: z.literal('delete'), path: filePathShape }),
  z.object({ kind: z.literal('rename'), path: filePathShape, to: filePathShape }),
  z.object({ kind: z.literal('resolve'), path: filePathShape, keep: wordsShape }),
  z.object({ kind: z.literal('resolve-both'), path: filePathShape }),
  z.object({ kind: z.literal('restore'), path: filePathShape, copy: wordsShape }),
]);

export const SERVER_CALLS = {
  /** Entries of paths after `after`, in order; `pattern` is a glob (`*`, `**`, `?`, `[…]`, `{…}`). */
  list: {
    callers: both,
    ask: z.object({
      after: z.string().max(1024),
      limit: z.number().int().min(1).max(LIST_ENTRIES_MAX),
      pattern: z.string().max(1024).optional(),
      deleted: z.boolean(),
      conflicts: z.boolean(),
    }),
    /** `next`: where the next page begins after, when there is `more`; a page may be short or empty. */
    reply: z.object({ entries: z.array(entryShape).max(LIST_ENTRIES_MAX), more: z.boolean(), next: z.string().max(1024) }),
  },
  /**
   * What lies directly in a folder (no `path`: at the top): its folders by name, then its files in the order asked for. With `query` all
   * files below it whose path from there on contains these words in any case, and no folders. `not-found`: there is no such folder.
   */
  folder: {
    callers: both,
    ask: z.object({
      path: filePathShape.optional(),
      /** `next` of the page before; `''`: from the start. */
      after: z.string().max(1100),
      limit: z.number().int().min(1).max(LIST_ENTRIES_MAX),
      sort: z.enum(['name', 'size', 'modified']),
      /** The greatest first. */
      descending: z.boolean(),
      query: z.string().min(1).max(255).optional(),
    }),
    /** `files` of a folder: how many lie below it, told to whoever may see all of them. `next`: what the next page goes on after, when there is `more`; it may be short. */
    reply: z.object({
      folders: z.array(z.object({ name: z.string().max(255), files: countShape.optional() })).max(LIST_ENTRIES_MAX),
      entries: z.array(entryShape).max(LIST_ENTRIES_MAX),
      more: z.boolean(),
      next: z.string().max(1100),
    }),
  },
  /** One entry, deleted ones too (without contents); `not-found` when the name was never there. */
  locate: { callers: both, ask: z.object({ path: filePathShape }), reply: entryShape },
  ...UPLOAD_CALLS,
  /** Carries out a change; answered when it is durable and has its copies, or cannot have them now (`note`). */
  change: {
    callers: both,
    ask: z.object({
      request: requestIdShape,
      change: changeShape,
      base: z.array(versionKeyShape).max(128),
      /** Bytes and BLAKE3 of the upload, checked before anything is made. */
      size: countShape.optional(),
      hash: contentHashShape.optional(),
      mode: modeShape.optional(),
      modified: wallShape.optional(),
      /** Hops so far: at two the peer carries it out itself or says `unavailable`. */
      hops: z.number().int().min(0).max(8),
    }),
    reply: z.object({ done: z.array(doneShape).max(64), redirect: z.array(holderShape).max(64) }),
  },
  /** Grants names to one request, for as long as the link lives or until `release`. */
  claim: {
    callers: peers,
    ask: z.object({
      request: requestIdShape,
      path: filePathShape,
      base: z.array(versionKeyShape).max(128),
      /** The name is to be new: refused also for a case-twin, a folder, or below a file. */
      fresh: z.boolean(),
      /** A name it may be a case-twin of (the source of a rename). */
      except: filePathShape.optional(),
    }),
    reply: emptyShape,
  },
  /** Gives a name back. `made`: the version that came of it; the owner holds the name until it sees that version itself. */
  release: {
    callers: peers,
    ask: z.object({ request: requestIdShape, path: filePathShape, made: versionKeyShape.optional() }),
    reply: emptyShape,
  },
  /** Older contents of a name on the live peers. */
  history: {
    callers: both,
    ask: z.object({ path: filePathShape, ask: z.boolean() }),
    reply: z.object({
      copies: z
        .array(
          z.object({
            copy: wordsShape,
            hash: contentHashShape,
            size: countShape,
            modified: wallShape,
            mode: modeShape,
            origin: wordsShape,
            peers: z.array(labelShape).max(64),
            current: z.boolean(),
            /** Of a striped one: the hash of its manifest. */
            manifest: contentHashShape.optional(),
            /** … and which of its runs are kept, all where a peer keeps it whole. */
            runs: runMaskShape.optional(),
            /** The deletion that the name is gone by ended it: several may be, where it was in conflict. */
            deleted: z.literal(true).optional(),
          }),
        )
        .max(500),
    }),
  },
  /** Bytes of an older content, by its hash: for restore on another peer. A client is given those of other peers too. */
  'read-old': {
    callers: both,
    ask: z.object({
      path: filePathShape,
      hash: contentHashShape,
      offset: countShape,
      length: z.number().int().min(0).max(TAIL_BYTES_MAX),
      /** Peers that gave wrong bytes of it: they are not asked, and look at what they keep. */
      without: z.array(peerIdShape).max(WRONG_GIVERS_MAX).optional(),
    }),
    /** `by`: who gave the bytes; told to clients. */
    reply: readReplyShape.extend({ by: peerIdShape.optional() }),
  },
  peers: {
    callers: both,
    ask: emptyShape,
    reply: z.object({
      peers: z
        .array(
          z.object({
            id: peerIdShape,
            name: labelShape,
            address: addressShape.optional(),
            /** Where its page is, as it said itself. */
            http: httpShape.optional(),
            alive: z.boolean(),
            /** Wall ms since when it is as it is, as the answering peer saw it. */
            since: wallShape,
            paused: wordsShape.optional(),
            files: countShape,
            bytes: countShape,
            capacity: countShape,
            self: z.boolean(),
          }),
        )
        .max(1000),
    }),
  },
  /** File data that the answering peer has moved since it started: in all, and by link, those of clients together. */
  traffic: {
    callers: peers,
    ask: emptyShape,
    reply: z.object({
      inBytes: countShape,
      outBytes: countShape,
      links: z
        .array(z.object({ id: z.union([peerIdShape, z.literal('clients')]), inBytes: countShape, outBytes: countShape }))
        .max(TRAFFIC_LINKS_MAX),
    }),
  },
  status: {
    callers: both,
    ask: emptyShape,
    reply: z.object({
      mesh: labelShape,
      name: labelShape,
      peers: countShape,
      files: countShape,
      bytes: countShape,
      wanted: countShape,
      under: countShape,
      unavailable: countShape,
      conflicts: countShape,
      tombstones: countShape,
      paused: wordsShape.optional(),
      warnings: z.array(wordsShape).max(50),
      notKept: z.array(z.object({ path: z.string().max(4096), reason: wordsShape })).max(1000),
    }),
  },
  invite: { callers: both, ask: emptyShape, reply: z.object({ join: z.string().max(400) }) },
  /** `confirm` false: only tells what would be lost. */
  remove: {
    callers: both,
    ask: z.object({ peer: peerIdShape, confirm: z.boolean() }),
    reply: z.object({ onlyThere: z.array(z.string().max(2048)).max(1000), more: countShape, removed: z.boolean() }),
  },
  set: {
    callers: both,
    /** `request`: as of a change. Asked again it undoes nothing that was set since. */
    ask: z.object({
      name: z.literal('replicas'),
      value: z.number().int().min(1).max(16),
      request: requestIdShape.optional(),
    }),
    reply: emptyShape,
  },
  resume: { callers: both, ask: z.object({ how: z.enum(['deleted', 'restore']) }), reply: emptyShape },
} as const satisfies Record<string, { callers: readonly Role[]; ask: z.ZodType; reply: z.ZodType }>;
