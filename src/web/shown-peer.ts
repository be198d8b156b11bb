import { isoTime } from '../client/results.ts';
import type { Reply } from '../wire/calls.ts';

/** A peer as the interface tells it. */
export function shownPeer(peer: Reply<'peers'>['peers'][number]) {
  const { address = null, http = null, paused = null, since, ...rest } = peer;
  return { ...rest, address, http, paused, since: isoTime(since) };
}
