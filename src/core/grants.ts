import { type Right, revisionAfter } from './accounts.ts';
import { byCodeUnits, type RequestId } from './ids.ts';

/** One saying of what somebody may do with a path. */
export interface Said {
  /** Of the account, when this was said; of EVERYONE 0. Of another life it is void. */
  readonly life: number;
  /** The same of whose home the path lies in; elsewhere 0. */
  readonly homeLife: number;
  readonly right: Right;
  /** One more than of all that were known to who said it. */
  readonly revision: number;
  /** Whoever asks for that again is told that it is done. Absent: nobody asks again. */
  readonly request?: RequestId;
  /** Somebody who knew of it said something else since. Absent: it holds. */
  readonly over?: true;
}

/** What one account, or everyone, may do with a path and all below it: the latest saying, and others. */
export interface GrantFact extends Said {
  readonly kind: 'grant';
  readonly path: string;
  /** The name of an account, or EVERYONE. */
  readonly who: string;
  /** What was said before, or at a peer that had not heard of the latest, newest first: at most SAID_MAX - 1. */
  readonly others?: readonly Said[];
}

/** Sayings that a grant remembers: more than are said of one path while two sides are cut apart, or a client tries again. Range 4–50. */
export const SAID_MAX = 16;

/** All that a grant remembers of what was said, newest first. */
export function sayingsOf({ life, homeLife, right, revision, request, over, others = [] }: GrantFact): readonly Said[] {
  const latest: Said = { life, homeLife, right, revision, ...(request !== undefined && { request }), ...(over && { over }) };
  return [latest, ...others];
}

/** The grant that follows `known` when that is said by who knows all that is in it. */
export function grantAfter(
  known: GrantFact | undefined,
  wish: Pick<GrantFact, 'path' | 'who' | 'life' | 'homeLife' | 'right' | 'request'>,
): GrantFact {
  const before = known === undefined ? [] : sayingsOf(known).map((said): Said => ({ ...said, over: true }));
  const revision = revisionAfter(Math.max(-1, ...before.map((said) => said.revision)));
  return grantOf(wish, [{ ...wish, revision }, ...before]);
}

/**
 * Merges two grants of one path and account: each side's sayings hold until somebody who knew of them says something else, and of
 * those that hold the strictest counts. So what was revoked on one side of a cut stays revoked, however often the other side gave it.
 */
export function mergeGrants(a: GrantFact, b: GrantFact): GrantFact {
  const path = byCodeUnits(a.path, b.path) <= 0 ? a.path : b.path;
  return grantOf({ path, who: a.who }, [...sayingsOf(a), ...sayingsOf(b)]);
}

/** What holds of a grant, of the sayings that `counts` lets count; undefined: nothing does. */
export function rightIn(grant: GrantFact, counts: (said: Said) => boolean): Right | undefined {
  const rights = sayingsOf(grant).flatMap((said) => (said.over !== true && counts(said) ? [said.right] : []));
  return STRICTNESS.find((right) => rights.includes(right));
}

const STRICTNESS: readonly Right[] = ['none', 'read', 'write'];

/** With the newest SAID_MAX of these, each once: over where one of them is. */
function grantOf({ path, who }: Pick<GrantFact, 'path' | 'who'>, sayings: readonly Said[]): GrantFact {
  const byKey = new Map<string, Said>();
  for (const { life, homeLife, right, revision, request, over } of sayings) {
    const key = JSON.stringify([homeLife, life, right, request ?? '']);
    const isOver = over === true || byKey.get(`${revision} ${key}`)?.over === true;
    const said: Said = {
      life,
      homeLife,
      right,
      revision,
      ...(request !== undefined && { request }),
      ...(isOver && { over: true }),
    };
    byKey.set(`${revision} ${key}`, said);
  }
  const newest = [...byKey].sort(([a, one], [b, other]) => other.revision - one.revision || byCodeUnits(a, b));
  const [latest, ...others] = newest.slice(0, SAID_MAX).map(([, said]) => said);
  return { kind: 'grant', path, who, ...(latest as Said), ...(others.length > 0 && { others }) };
}
