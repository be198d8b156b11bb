import { LABEL_LENGTH_MAX } from '../core/facts.ts';
import type { Peer } from '../peer/peer.ts';
import type { UpView } from './up-view.ts';

/** How often it is looked whether the mesh differs from what was wished: others may tell its setting later. */
const LOOK_MS = 2000;
/** Digits, and what stands before them, that tell peers of one name apart; and half of a character cut in two. */
const NUMBER_LENGTH_MAX = 8;

/** A peer is admitted under its first name and keeps it: whoever gives another later must not believe it counts. */
export function tellOtherName(peer: Pick<Peer, 'name' | 'meshName'>, name: string, view: Pick<UpView, 'note'>): void {
  if (peer.meshName === undefined || peer.name === name) return;
  // Another peer has the name too: this one has a number behind it, in the place of its end when it is long.
  const stem = peer.name.replace(/-\d+$/, '');
  if (name.startsWith(stem) && stem.length >= Math.min(name.length, LABEL_LENGTH_MAX - NUMBER_LENGTH_MAX)) return;
  view.note(`this peer is called ${peer.name} in its mesh; --name counts only when it enters one`);
}

/**
 * Says once when the mesh keeps another number of copies than `--replicas` of this start said: it has one setting, and
 * `--replicas` only has a say in it when a peer enters. `end` stops the looking.
 */
export function tellOtherReplicas(
  peer: Pick<Peer, 'wanted'>,
  replicas: number | undefined,
  view: Pick<UpView, 'note'>,
): { end(): void } {
  const look = (): void => {
    if (replicas === undefined || peer.wanted === replicas) return;
    clearInterval(timer);
    view.note(
      `this mesh keeps ${peer.wanted} of every file, not ${replicas}: --replicas counts when a peer enters a mesh, and the larger number wins; "filemesh set replicas ${replicas}" changes it`,
    );
  };
  const timer = setInterval(look, LOOK_MS);
  if (replicas === undefined) clearInterval(timer);
  else look();
  return { end: () => clearInterval(timer) };
}
