import { asMeshError, MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import type { Reply } from '../../wire/calls.ts';
import { ask } from '../ask.ts';
import { type PeerItem, peerItems, type ResumeHow } from '../results.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

type Options = Pick<VerbOptions, 'signal'>;

/** Digits of a PeerId a person must type at least. */
const PEER_DIGITS_MIN = 4;
/** How long a peer may take to go on: it scans its whole folder before it answers. Range 1–60 min. */
const RESUME_MS = 600_000;

/** All member peers, the answering one included. */
export async function peers(session: Session, options: Options): Promise<PeerItem[]> {
  return peerItems((await session.call('peers', {}, options)).reply);
}

/** What the answering peer says of itself and of the mesh. */
export async function status(session: Session, options: Options): Promise<Reply<'status'>> {
  return (await session.call('status', {}, options)).reply;
}

/** The join line of now. */
export async function invite(session: Session, options: Options): Promise<{ join: string }> {
  return (await session.call('invite', {}, options)).reply;
}

/** What the removal of a peer would lose, or lost. */
export interface RemoveResult {
  readonly id: string;
  readonly peer: string;
  readonly removed: boolean;
  /** Paths whose newest version only that peer holds. */
  readonly onlyThere: readonly string[];
  /** How many more there are than `onlyThere` names. */
  readonly more: number;
}

/**
 * Removes a member for good, or without `confirm` only tells what would be lost. `who`: its shown name or its id. Another
 * peer carries it out, whichever this session goes through: the one removed would learn the secret that is to keep it out.
 */
export async function removePeer(session: Session, who: string, confirm: boolean, options: Options): Promise<RemoveResult> {
  let asked: { readonly id: PeerId; readonly name: string } | undefined;
  return await session.attempt(async (link) => {
    const { reply: now } = await ask(link, 'peers', {});
    // By its id from then on: the number behind a shared name goes to the next machine that bears it.
    const { id, name } = asked ?? findPeer(now, who);
    const done: RemoveResult = { id, peer: name, removed: true, onlyThere: [], more: 0 };
    // The answer to an earlier try was lost, and what it asked was done.
    if (!now.peers.some((peer) => peer.id === id)) return done;
    if (id === link.peer)
      throw new MeshError('gone', `only ${name} itself answers, and no peer removes itself: start another peer, then try again`);
    const isAgain = asked !== undefined;
    if (confirm) asked = { id, name };
    try {
      const { reply } = await ask(link, 'remove', { peer: id, confirm }, { subject: name });
      return { ...done, ...reply };
    } catch (thrown) {
      // The same, and its link there is not down yet.
      if (isAgain && asMeshError(thrown).code === 'not-found') return done;
      throw thrown;
    }
  }, options);
}

/** Changes how many copies the mesh keeps. */
export async function setReplicas(session: Session, value: number, options: Options): Promise<void> {
  await session.call('set', { name: 'replicas', value, request: session.newRequest() }, options);
}

/**
 * Answers the paused peer of the mesh, whichever peer this session goes through: the files missing from its folder were
 * meant to go, or are to come back. Resolves with its name; undefined when no live peer is paused. Of several the own
 * one is meant, else it rejects with `usage`.
 */
export async function resume(session: Session, how: ResumeHow, options: Options): Promise<string | undefined> {
  let asked: PeerId | undefined;
  return await session.attempt(async (own) => {
    const { reply } = await ask(own, 'peers', {});
    const answered = reply.peers.find((peer) => peer.id === asked && peer.alive && peer.paused === undefined);
    // The answer to an earlier try was lost, and what it asked was done.
    if (answered !== undefined) return answered.name;
    const paused = reply.peers.filter((peer) => peer.alive && peer.paused !== undefined);
    const meant = paused.find((peer) => peer.id === own.peer) ?? paused[0];
    if (meant === undefined && asked === undefined) return undefined;
    if (meant === undefined)
      throw new MeshError('unreachable', 'the paused peer went away while it was answered; try again when it is back');
    if (meant.id !== own.peer && paused.length > 1) {
      const names = paused.map((peer) => `${peer.name} (${peer.address ?? 'no address'})`).join(', ');
      throw new MeshError('usage', `several peers are paused: ${names}; say which with --peer`);
    }
    const link = await session.linkTo({ ...meant, live: true });
    if (link === undefined) throw new MeshError('unreachable', `${meant.name} is paused and cannot be reached from here`);
    asked = meant.id;
    await ask(link, 'resume', { how }, { deadlineMs: RESUME_MS });
    return meant.name;
  }, options);
}

/** The peer a person means by its shown name, its id, or the beginning of that. */
export function peerOf<One extends { readonly id: string; readonly name: string }>(
  peers: readonly One[],
  who: string,
): One | undefined {
  const named = peers.find((peer) => peer.name === who || peer.id === who);
  if (named !== undefined) return named;
  const fitting = who.length < PEER_DIGITS_MIN ? [] : peers.filter((peer) => peer.id.startsWith(who));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function findPeer(reply: Reply<'peers'>, who: string): Reply<'peers'>['peers'][number] {
  const peer = peerOf(reply.peers, who);
  if (peer !== undefined) return peer;
  const names = reply.peers.map((one) => one.name).join(', ');
  throw new MeshError('not-found', `no peer is called ${quote(who)}; there are: ${names}`);
}
