import { z } from 'zod';
import type { Role } from '../core/facts.ts';
import { ACCOUNT_CALLS, missedShape } from './account-calls.ts';
import { both, peers } from './callers.ts';
import {
  type changeShape,
  type contentShape,
  type doneShape,
  type entryShape,
  readReplyShape,
  SERVER_CALLS,
} from './server-calls.ts';
import {
  addressShape,
  contentHashShape,
  countShape,
  cursorShape,
  emptyShape,
  factShape,
  filePathShape,
  holdingShape,
  httpShape,
  labelShape,
  peerIdShape,
  runMaskShape,
  trailShape,
  VERSION_BYTES_MAX,
  versionKeyShape,
  wordsShape,
} from './shapes.ts';
import { type holderShape, TAIL_BYTES_MAX } from './upload-calls.ts';

export {
  CONTENT_VERSIONS_MAX,
  ENTRY_BASE_MAX,
  ENTRY_CONTENTS_MAX,
  LIST_ENTRIES_MAX,
  WRONG_GIVERS_MAX,
} from './server-calls.ts';
export { TAIL_BYTES_MAX } from './upload-calls.ts';

/** Redirects of one request: after these a peer answers by itself, with what it is asked for or `unavailable`. */
export const HOPS_MAX = 2;
/**
 * A read that a limit keeps from being answered waits so long for its turn, then it is answered with nothing: whoever asked is not
 * to take this end for silent (HEDGE_MS of `ContentFetch`). In ms.
 */
export const TURN_MS_MAX = 750;
/** Records of one delta: a frame's head stays below HEAD_BYTES_MAX also when every vector is long. */
export const DELTA_RECORDS_MAX = 1000;
/** Facts of one `facts` note. */
export const FACTS_MAX = 200;

/** Contents of one `place-many` or `read-many`: their paths, 1 KiB each at most, stay within a head. */
export const MANY_ITEMS_MAX = 128;
/** Bytes of a content that travels with others. */
export const SMALL_BYTES_MAX = 256 * 1024;

const smallSizeShape = z.number().int().min(0).max(SMALL_BYTES_MAX);
const manyItemShape = z
  .number()
  .int()
  .min(0)
  .max(MANY_ITEMS_MAX - 1);

const loadShape = z.object({
  bytes: countShape,
  capacity: countShape,
  files: countShape,
  incomingBytes: countShape,
  incomingFiles: countShape,
});

const statusOfSelf = {
  name: labelShape,
  /** Why the peer does not believe its folder; absent while it does. */
  paused: wordsShape.optional(),
  /** The folder is being opened: what it offers is not known yet, and nothing can be put there; absent when it is open. */
  opening: z.boolean().optional(),
  /** It has read every live peer's index up to the head told. */
  caughtUp: z.boolean(),
  load: loadShape,
};

const indexHeadShape = z.object({ peer: peerIdShape, trail: trailShape, sequence: countShape });

const helloShape = z.object({
  ...statusOfSelf,
  instance: z.string().regex(/^[0-9a-f]{16}$/),
  addresses: z.array(addressShape).max(16),
  /** Where its page is; absent: it serves none. */
  http: httpShape.optional(),
  /** Hash over all facts known: differing ones are told each other. */
  factsDigest: contentHashShape,
  /** Own index; a client has none. */
  head: indexHeadShape.optional(),
});

const cursorsShape = z.object({ indexes: z.array(indexHeadShape.extend({ cursor: cursorShape.optional() })).max(1000) });

/**
 * Every message of an admitted link, by name. A call is answered, a note (see NOTES) is not. A new line here fails compilation
 * until some room answers it. `callers` says which roles may send it.
 */
export const CALLS = {
  // membership
  /** First message of both ends after the greeting (docs/protocol.md): who speaks. */
  hello: { callers: both, ask: helloShape, reply: helloShape },
  /** Nothing: the link is alive and its peer's event loop turns. */
  ping: { callers: both, ask: emptyShape, reply: emptyShape },

  // gossip
  /** How far each index is read here; the answer says the same of the other end. */
  cursors: { callers: peers, ask: cursorsShape, reply: cursorsShape },
  /**
   * Records of one index in sequence order: those with `after` < sequence ≤ `upTo`. `whole`: the first piece of the
   * whole index (after = 0), which replaces the reader's copy once the piece with `last` has come. `versions` has theirs packed,
   * one behind the other, `bytes` of each: read by the catalog, which knows most of them already.
   */
  delta: {
    callers: peers,
    ask: z.object({
      index: peerIdShape,
      trail: trailShape,
      after: countShape,
      upTo: countShape,
      whole: z.boolean(),
      last: z.boolean(),
      records: z
        .array(
          z.object({
            sequence: countShape.min(1),
            path: filePathShape,
            holding: holdingShape,
            bytes: z.number().int().min(1).max(VERSION_BYTES_MAX),
          }),
        )
        .max(DELTA_RECORDS_MAX),
      versions: z.instanceof(Uint8Array) as z.ZodType<Uint8Array>,
    }),
    /** False: the delta did not fit what is known here (a gap); the next round fills it. */
    reply: z.object({ taken: z.boolean() }),
  },

  // replication
  /** Keep this content: fetched from `holders`, verified, committed and announced before the answer. */
  place: {
    callers: peers,
    ask: z.object({
      path: filePathShape,
      hash: contentHashShape,
      version: versionKeyShape,
      size: countShape,
      holders: z.array(peerIdShape).max(64),
      /** Of a striped content: only these runs (16 hex digits, run 0 the lowest bit). */
      runs: runMaskShape.optional(),
    }),
    reply: emptyShape,
  },
  /**
   * `place` of many small contents, which share their holders. `declined` tells those that were, by their place in `items`, with a
   * code of the table of errors. `late`: those still being taken, for which the others do not wait: `place` hears how they end.
   */
  'place-many': {
    callers: peers,
    ask: z.object({
      items: z
        .array(z.object({ path: filePathShape, hash: contentHashShape, version: versionKeyShape, size: smallSizeShape }))
        .min(1)
        .max(MANY_ITEMS_MAX),
      holders: z.array(peerIdShape).max(64),
    }),
    reply: z.object({
      declined: z.array(z.object({ item: manyItemShape, code: z.string().min(1).max(32) })).max(MANY_ITEMS_MAX),
      late: z.array(manyItemShape).max(MANY_ITEMS_MAX).optional(),
    }),
  },
  /**
   * Many small contents, each whole: the tail has them one behind the other. `sizes`: of each that was asked for, in order; -1
   * for one that is not given, and is asked for by `read`.
   */
  'read-many': {
    callers: peers,
    ask: z.object({
      items: z
        .array(z.object({ path: filePathShape, hash: contentHashShape }))
        .min(1)
        .max(MANY_ITEMS_MAX),
    }),
    reply: z.object({ sizes: z.array(z.number().int().min(-1).max(SMALL_BYTES_MAX)).max(MANY_ITEMS_MAX) }),
  },
  /**
   * Bytes of one content of one path; the tail has them, fewer only at the end, or where `given` says so. `relay`: from a
   * holder, when not here.
   */
  read: {
    callers: both,
    ask: z.object({
      path: filePathShape,
      hash: contentHashShape,
      offset: countShape,
      length: z.number().int().min(0).max(TAIL_BYTES_MAX),
      relay: z.boolean(),
    }),
    reply: readReplyShape,
  },
  /**
   * Bytes of the encoded manifest of a large content held there, from `offset` on; the tail has them. `size`: of all of it.
   * `relay`: from a holder, when not here.
   */
  manifest: {
    callers: both,
    ask: z.object({ path: filePathShape, hash: contentHashShape, offset: countShape, relay: z.boolean().optional() }),
    reply: z.object({ size: countShape }),
  },
  /** Hash the copy anew, of runs those with these bytes: set aside when it is wrong. */
  verify: {
    callers: both,
    ask: z.object({
      path: filePathShape,
      hash: contentHashShape,
      offset: countShape.optional(),
      length: countShape.optional(),
    }),
    reply: z.object({ intact: z.boolean() }),
  },

  ...SERVER_CALLS,
  ...ACCOUNT_CALLS,
} as const satisfies Record<string, { callers: readonly Role[]; ask: z.ZodType; reply: z.ZodType }>;

export const NOTES = {
  /** What a peer says of itself when it changes, and every few seconds. */
  load: {
    callers: peers,
    body: z.object({
      ...statusOfSelf,
      head: indexHeadShape.optional(),
      /** As of hello: what could not be kept when it was told is told again. */
      factsDigest: contentHashShape.optional(),
    }),
  },
  /** Facts the sender has and believes the other lacks. */
  facts: { callers: both, body: z.object({ facts: z.array(factShape).max(FACTS_MAX) }) },
  /** A try to log in was wrong there: it counts here too, lest each peer be guessed at for itself. */
  missed: { callers: peers, body: missedShape },
  /** The sender stops on purpose. */
  goodbye: { callers: both, body: emptyShape },
} as const satisfies Record<string, { callers: readonly Role[]; body: z.ZodType }>;

export type CallName = keyof typeof CALLS;
export type NoteName = keyof typeof NOTES;
export type Ask<N extends CallName> = z.infer<(typeof CALLS)[N]['ask']>;
export type Reply<N extends CallName> = z.infer<(typeof CALLS)[N]['reply']>;
export type Note<N extends NoteName> = z.infer<(typeof NOTES)[N]['body']>;

export type Entry = z.infer<typeof entryShape>;
export type ShownContent = z.infer<typeof contentShape>;
export type Holder = z.infer<typeof holderShape>;
export type Done = z.infer<typeof doneShape>;
export type Change = z.infer<typeof changeShape>;
