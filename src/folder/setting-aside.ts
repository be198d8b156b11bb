import type { CommitIntent, DiskPath, FileStat } from '../platform/disk.ts';
import type { Effect, Move, Placed } from './act.ts';
import type { HeldCopy } from './held-table.ts';
import { oldFacts } from './old-copies.ts';
import type { Room } from './room.ts';
import { isSameFile } from './stats.ts';

/** The move that sets a copy aside (and puts `staged` in its place), and the row that remembers it. */
export async function asideOf(
  room: Room,
  copy: HeldCopy,
  folder: 'versions' | 'trash',
  staged?: DiskPath,
): Promise<{ move: Move; effect: Effect & { kind: 'old' } }> {
  const place = room.freshPlace(folder);
  const versions = await room.versionsOf(copy);
  const facts = oldFacts(copy.path, copy.hash, copy.stat, versions[0], room.options.ledger.self);
  const effect: Effect & { kind: 'old' } = { kind: 'old', row: room.old.rowFor(place, facts) };
  if (copy.disk !== copy.path) return { move: { kind: 'move', from: copy.disk, to: place }, effect };
  const intent = { path: copy.path, aside: place, replaces: copy.stat, ...(staged !== undefined && { staged }) };
  return { move: { kind: 'commit', intent, replaced: versions }, effect };
}

/**
 * What another move of the act took from its name was compared then. Who writes to it before it has its new name makes an edit: a stat
 * that matches nothing on the disk has the next scan look at it.
 */
export function asLifted(moves: readonly Move[], { staged }: CommitIntent, stat: FileStat): FileStat {
  const lift = moves.find((one) => one.kind === 'commit' && one.intent.aside === staged);
  const lifted = lift?.kind === 'commit' ? lift.intent.replaces : undefined;
  return lifted === undefined || isSameFile(lifted, stat) ? stat : { ...stat, mtimeMs: -1 };
}

/** A held copy that stays where it is. */
export function placedOf({ path, hash, disk, stat }: HeldCopy): Placed {
  return { path, hash, disk, stat };
}
