import { z } from 'zod';
import { ACCOUNTS_MAX, EVERYONE, LIFE_MAX } from '../core/accounts.ts';
import { both, clients } from './callers.ts';
import {
  accountKeyShape,
  accountNameShape,
  addressShape,
  countShape,
  emptyShape,
  filePathShape,
  labelShape,
  peerIdShape,
  requestIdShape,
  rightShape,
  wallShape,
} from './shapes.ts';

/** What a client derives from a password: what the peers take for it. */
const proofShape = z.string().regex(/^[0-9a-f]{64}$/);
const tokenShape = z.string().min(1).max(256);
/** A name that need not be one: whoever guesses is not told which names there can be. */
const userShape = z.string().min(1).max(64);
/**
 * Where the person is for whom a program on the peer's own machine speaks, as a page in a browser does. Believed over the
 * loopback alone.
 */
const fromShape = addressShape.optional();
/** An address without its port; of an IPv6 one its network. */
const hostShape = z.string().max(300);
/** Seconds until another try is looked at; absent: this one was. */
const waitShape = countShape.optional();

/** Entries of one page of `log`. */
export const LOG_ENTRIES_MAX = 500;

/** One thing that somebody did. */
export const logEntryShape = z.object({
  at: wallShape,
  /** Who said so: of a login that was refused the name that was tried. */
  user: z.string().max(64),
  /** Which of those who had that name; absent: the first. */
  life: countShape.max(LIFE_MAX).optional(),
  action: z.string().max(32),
  /** What it was done to; empty: that is all there is to say. */
  subject: z.string().max(2200),
  /** Host it came from. */
  from: hostShape,
  /** The peer that carried it out. */
  peer: labelShape,
  /** What came of it: told by two peers it is one deed, which was asked for again when the first of them died. */
  made: z.string().max(64).optional(),
});

/** A try to log in that was wrong: the name that was tried, the host it came from, the key it came by. */
export const missedShape = z.object({ user: userShape, host: hostShape, identity: peerIdShape.optional() });

/**
 * Who somebody is, and what they may do. `request`: as of a change, one id for all repeats of one wish: of one that was carried
 * out the answer is told again.
 */
export const ACCOUNT_CALLS = {
  /** Answered with `not-allowed` for a wrong password and for an unknown user; `usage` where there are no accounts. */
  login: {
    callers: clients,
    ask: z.object({ user: userShape, proof: proofShape, from: fromShape }),
    reply: z.object({
      token: tokenShape.optional(),
      admin: z.boolean().optional(),
      key: accountKeyShape.optional(),
      wait: waitShape,
    }),
  },
  /**
   * This link is that of who has the token: the first call on every link of a client that has one. `busy`: this peer may
   * not have heard yet of what made it; `not-allowed`: it is void.
   */
  session: {
    callers: clients,
    ask: z.object({ token: tokenShape, from: fromShape }),
    reply: z.object({ user: accountNameShape, admin: z.boolean(), key: accountKeyShape.optional() }),
  },
  /** This link is nobody's again. */
  logout: { callers: clients, ask: emptyShape, reply: emptyShape },
  /** The first one is an admin whatever it asks for, and needs no other. */
  'user-add': {
    callers: clients,
    ask: z.object({
      name: accountNameShape,
      admin: z.boolean(),
      proof: proofShape,
      key: accountKeyShape.optional(),
      /** What an earlier one of that name left in the home is to be theirs, deleted too; else `conflict` where there is some. */
      keepHome: z.boolean().optional(),
      request: requestIdShape.optional(),
    }),
    /** `first`: from now on everybody must log in. */
    reply: z.object({ first: z.boolean() }),
  },
  /**
   * Another password, and the key wrapped anew. One's own needs the old proof; that of others an admin, and without a key
   * theirs is gone. Ends every login of that account: `token` is a new one for who asks.
   */
  'user-passwd': {
    callers: clients,
    ask: z.object({
      user: accountNameShape,
      oldProof: proofShape.optional(),
      proof: proofShape,
      key: accountKeyShape.optional(),
      request: requestIdShape.optional(),
    }),
    reply: z.object({ token: tokenShape.optional(), wait: waitShape }),
  },
  'user-remove': {
    callers: clients,
    ask: z.object({ user: accountNameShape, request: requestIdShape.optional() }),
    reply: emptyShape,
  },
  users: {
    callers: clients,
    ask: emptyShape,
    reply: z.object({
      users: z
        .array(z.object({ name: accountNameShape, admin: z.boolean(), recipient: z.string().optional() }))
        .max(2 * ACCOUNTS_MAX),
    }),
  },
  grant: {
    callers: clients,
    ask: z.object({
      path: filePathShape,
      who: z.union([accountNameShape, z.literal(EVERYONE)]),
      right: rightShape,
      request: requestIdShape.optional(),
    }),
    reply: emptyShape,
  },
  /** What everyone may do with a path, and each account that may do something else, by name; `after`: those behind that one. */
  rights: {
    callers: clients,
    ask: z.object({ path: filePathShape, after: accountNameShape.optional() }),
    reply: z.object({
      rights: z
        .array(
          z.object({
            who: z.union([accountNameShape, z.literal(EVERYONE)]),
            right: rightShape,
            /** The path of the grant that decides, `home/NAME` of a home, else empty. */
            from: z.string().max(1024),
          }),
        )
        .max(2 * ACCOUNTS_MAX),
      more: z.boolean().optional(),
    }),
  },
  /** What was done, the newest first, by what all live peers noted: one's own deeds, for an admin those of all, or of `user`. */
  log: {
    callers: both,
    ask: z.object({
      /** Only what is older. */
      before: wallShape.optional(),
      limit: z.number().int().min(1).max(LOG_ENTRIES_MAX),
      user: z.string().max(64).optional(),
      /** Of that name's this one alone. */
      life: countShape.max(LIFE_MAX).optional(),
    }),
    /** `more`: there are older ones, from the last one's time on. */
    reply: z.object({ entries: z.array(logEntryShape).max(LOG_ENTRIES_MAX), more: z.boolean() }),
  },
} as const;
