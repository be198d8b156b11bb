import { z } from 'zod';
import { EVERYONE, isAccountName, LIFE_MAX, MADE_MAX, REVISION_MAX, VERIFIER_PATTERN } from '../core/accounts.ts';
import { type Fact, GENERATION_MAX, LABEL_LENGTH_MAX } from '../core/facts.ts';
import { SAID_MAX } from '../core/grants.ts';
import type { ContentHash, FilePath, MeshId, PeerId, RequestId, VersionKey, WriterId } from '../core/ids.ts';
import type { Holding } from '../core/namespace.ts';
import { faultOfPath, isComposed } from '../core/path.ts';
import type { RunMask } from '../core/striping.ts';
import type { Cursor, Trail } from '../core/trail.ts';
import { TRAIL_STARTS_MAX } from '../core/trail.ts';
import { WALL_MS_MAX } from '../core/version.ts';

/**
 * The shapes of what crosses the wire, and of what the store keeps: decoded, then checked here, then trusted. Every
 * list and text has a bound. The codec has bounded depth, items and length before.
 */

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

export const peerIdShape = hex(64) as unknown as z.ZodType<PeerId>;
export const meshIdShape = hex(64) as unknown as z.ZodType<MeshId>;
export const contentHashShape = hex(64) as unknown as z.ZodType<ContentHash>;
export const writerIdShape = hex(16) as unknown as z.ZodType<WriterId>;
export const requestIdShape = hex(32) as unknown as z.ZodType<RequestId>;
export const versionKeyShape = z.string().regex(/^[0-9a-f]{16}:[0-9]{1,16}$/) as unknown as z.ZodType<VersionKey>;
/** A path that is already in NFC and passes the one checker. */
export const filePathShape = z
  .string()
  .max(1024)
  .refine((text) => faultOfPath(text) === undefined && isComposed(text)) as unknown as z.ZodType<FilePath>;

/** A message that says all by its name. */
export const emptyShape = z.object({});
export const countShape = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const wallShape = z.number().min(-WALL_MS_MAX).max(WALL_MS_MAX);

/** Permission bits of a file. */
export const modeShape = z.number().int().min(0).max(0o777);
/** Names of peers and meshes: shown to people, so of one line. */
export const labelShape = z
  .string()
  .min(1)
  .max(LABEL_LENGTH_MAX)
  .refine((text) => text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/u.test(text));
export const addressShape = z.string().min(3).max(300);
/** Where the page of a peer is: scheme, host and port alone, so that it is safe wherever it is written. */
export const httpShape = z
  .string()
  .max(300)
  .regex(/^https?:\/\/(?:[0-9A-Za-z.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}$/);
/** A sentence for a person; bounded, of one line. Whoever says one that may be longer cuts it. */
export const WORDS_LENGTH_MAX = 500;
export const wordsShape = z.string().max(WORDS_LENGTH_MAX);

export const runMaskShape = hex(16) as unknown as z.ZodType<RunMask>;

export const holdingShape = z.union([
  z.literal('all'),
  z.literal('none'),
  z.object({ mask: runMaskShape }),
]) as z.ZodType<Holding>;

/** Bytes of one packed version: room for twice the entries that are kept. */
export const VERSION_BYTES_MAX = 8 * 1024;

export const cursorShape = z.object({ writer: writerIdShape, sequence: countShape }) as z.ZodType<Cursor>;
export const trailShape = z
  .array(z.object({ writer: writerIdShape, first: countShape.min(1) }))
  .max(TRAIL_STARTS_MAX) as unknown as z.ZodType<Trail>;

export const accountNameShape = z.string().refine(isAccountName);
/** An age X25519 recipient: Bech32 of 32 bytes. */
const recipientShape = z.string().regex(/^age1[02-9ac-hj-np-z]{58}$/);
/** A private key, wrapped: base64, room for another kind of key than today's. */
const wrappedShape = z.string().regex(/^[A-Za-z0-9+/=_-]{16,1024}$/);
export const accountKeyShape = z.object({ recipient: recipientShape, wrapped: wrappedShape });
export const rightShape = z.enum(['none', 'read', 'write']);

/** Members a removal names: the largest mesh that is planned for is 50 peers and some hundred clients. */
const MEMBERS_MAX = 10_000;

/** One saying of a right. */
const saidShape = {
  life: countShape.max(LIFE_MAX),
  homeLife: countShape.max(LIFE_MAX),
  right: rightShape,
  revision: countShape.max(REVISION_MAX),
  request: requestIdShape.optional(),
  over: z.literal(true).optional(),
};

const madeShape = (words: RegExp) =>
  z
    .array(z.object({ turn: countShape.max(REVISION_MAX), words: z.string().regex(words) }))
    .max(MADE_MAX)
    .optional();

export const factShape = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('member'),
    id: peerIdShape,
    role: z.enum(['peer', 'client']),
    name: labelShape,
    generation: countShape.max(GENERATION_MAX),
  }),
  z.object({
    kind: z.literal('removal'),
    id: peerIdShape,
    generation: countShape.max(GENERATION_MAX),
    members: z.array(peerIdShape).max(MEMBERS_MAX),
  }),
  z.object({
    kind: z.literal('secret'),
    generation: countShape.max(GENERATION_MAX),
    secret: z.string().min(1).max(200),
    excludes: z.array(peerIdShape).max(MEMBERS_MAX),
  }),
  z.object({
    kind: z.literal('setting'),
    name: z.literal('replicas'),
    value: z.number().int().min(1).max(16),
    revision: countShape,
    made: madeShape(/^set [0-9a-f]{32}$/),
  }),
  z.object({ kind: z.literal('mesh'), id: meshIdShape, name: labelShape }),
  z.object({
    kind: z.literal('account'),
    name: accountNameShape,
    life: countShape.max(LIFE_MAX),
    revision: countShape.max(REVISION_MAX),
    admin: z.boolean(),
    adminRevision: countShape.max(REVISION_MAX).optional(),
    verifier: z.string().regex(VERIFIER_PATTERN),
    recipient: recipientShape.optional(),
    wrapped: wrappedShape.optional(),
    removed: z.boolean(),
    made: madeShape(/^user-(add|passwd|remove) [0-9a-f]{32}$/),
  }),
  z.object({ kind: z.literal('founding'), name: accountNameShape, lot: hex(32) }),
  z.object({
    kind: z.literal('grant'),
    path: filePathShape,
    who: z.union([accountNameShape, z.literal(EVERYONE)]),
    ...saidShape,
    others: z
      .array(z.object(saidShape))
      .max(SAID_MAX - 1)
      .optional(),
  }),
  z.object({
    kind: z.literal('session-key'),
    generation: countShape.max(GENERATION_MAX),
    key: hex(64),
    excludes: z.array(peerIdShape).max(MEMBERS_MAX),
  }),
]) as unknown as z.ZodType<Fact>;
