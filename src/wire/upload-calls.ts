import { z } from 'zod';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import { both, peers } from './callers.ts';
import {
  addressShape,
  contentHashShape,
  countShape,
  emptyShape,
  filePathShape,
  labelShape,
  peerIdShape,
  requestIdShape,
  runMaskShape,
  versionKeyShape,
} from './shapes.ts';

/** Bytes of the raw tail a message may carry behind its msgpack head: one read or write of file data. */
export const TAIL_BYTES_MAX = 1024 * 1024;
/** Upload ids are request ids: a replay finds what was staged. */
export const uploadIdShape = requestIdShape;

export const holderShape = z.object({
  id: peerIdShape,
  name: labelShape,
  live: z.boolean(),
  address: addressShape.optional(),
  /** Of a striped content: the runs it has; absent: all of it. */
  runs: runMaskShape.optional(),
});

/** How the bytes of a content come from a client: whole, by chunks, or in runs. */
export const UPLOAD_CALLS = {
  /** Opens or finds again the staging of an upload. `have`: bytes already durable from its start. `redirect`: ask there. */
  begin: {
    callers: both,
    ask: z.object({
      upload: uploadIdShape,
      path: filePathShape,
      size: countShape.optional(),
      base: z.array(versionKeyShape).max(128),
      /** Redirects followed so far: at two the peer takes it itself. */
      hops: z.number().int().min(0).max(8).optional(),
      /** The hashes of the content and of its manifest, where its chunks can be told. */
      content: z.object({ hash: contentHashShape, manifest: contentHashShape }).optional(),
      /** True: nobody but this session can go on with it, for its id is drawn anew each time. Then it is let go soon after its link. */
      transient: z.boolean().optional(),
    }),
    reply: z.object({
      have: countShape,
      redirect: z.array(holderShape).max(64),
      /** The most bytes of one write, where what the peer takes in is limited: a larger one may not be answered in time. */
      writeBytes: z.number().int().min(1).max(TAIL_BYTES_MAX).optional(),
      /** Tell the chunks by `chunks`, and send those that are wanted; absent: send it in order. */
      byChunks: z.boolean().optional(),
    }),
  },
  /**
   * Which chunks of an upload are wanted that was begun `byChunks`: the tail is the encoded manifest from `offset` on, in
   * pieces, and once all of it came empty, `offset` its end. `more`: the next piece is wanted. `filling`: what lies here of it
   * is being taken together, ask again at once. `ready`: the tail of the reply has a bit a chunk, 1 for those to be sent; what
   * was sent before counts once it was checked. `here`: bytes that need not be sent.
   */
  chunks: {
    callers: both,
    ask: z.object({ upload: uploadIdShape, offset: countShape, manifestBytes: countShape.max(STRIPED_MANIFEST_BYTES_MAX) }),
    reply: z.object({ state: z.enum(['more', 'filling', 'ready']), here: countShape }),
  },
  /** The tail's bytes at `offset` of an upload begun. */
  write: { callers: both, ask: z.object({ upload: uploadIdShape, offset: countShape }), reply: emptyShape },
  /**
   * Begins, or finds again, an upload that is spread in runs: the tail is its encoded manifest from `offset` on, in pieces.
   * `more`: the next piece is wanted. `have`: runs that peers keep already; the others come by `write`, none over its end.
   */
  stripe: {
    callers: both,
    ask: z.object({
      upload: uploadIdShape,
      size: countShape.min(2),
      hash: contentHashShape,
      offset: countShape,
      manifestBytes: countShape.max(STRIPED_MANIFEST_BYTES_MAX),
    }),
    reply: z.object({ more: z.boolean(), have: runMaskShape }),
  },
  /** The same between peers: `lying` are the runs that lie there already, and count for `by`; absent: for anybody. */
  'run-open': {
    callers: peers,
    ask: z.object({
      upload: uploadIdShape,
      /** An account and its life. */
      by: z
        .string()
        .regex(/^[a-z0-9_-]{1,32}\.[0-9]{1,7}$/)
        .optional(),
      size: countShape.min(2),
      hash: contentHashShape,
      offset: countShape,
      manifestBytes: countShape.max(STRIPED_MANIFEST_BYTES_MAX),
    }),
    reply: z.object({ more: z.boolean(), lying: runMaskShape }),
  },
  /** The tail's bytes at `offset` of the whole content, within one run of one opened with `run-open`. */
  'run-write': { callers: peers, ask: z.object({ upload: uploadIdShape, offset: countShape }), reply: emptyShape },
  /** A run is written: verified, durable and kept when it is answered, for a version to come. */
  'run-keep': { callers: peers, ask: z.object({ upload: uploadIdShape, run: countShape.max(63) }), reply: emptyShape },
} as const;
