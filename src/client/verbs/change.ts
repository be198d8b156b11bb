import { asMeshError, MeshError } from '../../core/errors.ts';
import type { RequestId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import { type Ask, type Done, HOPS_MAX, type Holder, type Reply } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { ask } from '../ask.ts';
import type { Session } from '../session.ts';

/** How long a change without bytes may take: claims, an fsync and the news to R peers. */
const CHANGE_MS = 60_000;
/** Slowest rate at which copies are expected to be made while a change waits for them: 1 MiB/s. */
const BYTES_PER_MS_MIN = 1024;

export type ChangeAsk = Omit<Ask<'change'>, 'hops'>;

/** Carries out one change that has no bytes of its own, wherever it is redirected; at most once, whatever fails. */
export async function makeChange(session: Session, change: ChangeAsk, signal: AbortSignal | undefined): Promise<Done[]> {
  return await session.attempt((link) => changeFrom(session, link, change), { signal });
}

/**
 * Asks `link`, follows its redirects to holders, and comes back to it when none of them answers: then it does it itself.
 */
async function changeFrom(session: Session, link: Link, change: ChangeAsk): Promise<Done[]> {
  const first = await askChange(link, change, 0);
  if (first.redirect.length === 0) return first.done;
  const made = await followRedirects(session, first.redirect, change, 1);
  if (made !== undefined) return made;
  const last = await askChange(link, change, HOPS_MAX);
  if (last.redirect.length === 0) return last.done;
  throw new MeshError('unavailable', `no holder of ${quote(change.change.path)} is in reach; try again when one is back`);
}

async function followRedirects(
  session: Session,
  holders: readonly Holder[],
  change: ChangeAsk,
  hops: number,
): Promise<Done[] | undefined> {
  for (const holder of holders) {
    const link = await session.linkTo(holder);
    if (link === undefined) continue;
    const reply = await unlessOutOfReach(askChange(link, change, hops));
    if (reply === undefined) continue;
    if (reply.redirect.length === 0) return reply.done;
    return hops + 1 < HOPS_MAX ? await followRedirects(session, reply.redirect, change, hops + 1) : undefined;
  }
  return undefined;
}

/** One ask at one peer. `hops` at HOPS_MAX tells it to carry the change out itself. */
export async function askChange(link: Link, change: ChangeAsk, hops: number): Promise<Reply<'change'>> {
  const deadlineMs = CHANGE_MS + (change.size ?? 0) / BYTES_PER_MS_MIN;
  const subject = change.change.kind === 'rename' ? change.change.to : change.change.path;
  const { reply } = await ask(link, 'change', { ...change, hops }, { deadlineMs, subject });
  return reply;
}

/** The answer, or undefined where another peer may do it: asked of a holder, its failure is not yet the request's. */
async function unlessOutOfReach<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (asMeshError(thrown).advice === 'elsewhere') return undefined;
    throw thrown;
  }
}

/** A change's fields that every kind has. */
export function changeAsk(request: RequestId, change: Ask<'change'>['change'], base: Ask<'change'>['base']): ChangeAsk {
  return { request, change, base };
}
