import type { Left, Move } from './act.ts';
import type { Acts } from './acts.ts';
import { canBeRead } from './copying.ts';
import type { HeldCopy } from './held-table.ts';
import type { LostCopy } from './lost-copies.ts';
import type { Room } from './room.ts';

/** What is not as it should be of a copy: `other` is gone, or no more what was noted. */
export type Fault = 'wrong' | 'unreadable' | 'other';

/**
 * Says that this peer has a copy no more. Wrong bytes go where nobody is served from; but a person's file stays where it is
 * while nobody else has right ones, and while it only cannot be read: most of it may still be good. The caller holds the lock.
 */
export async function loseCopy(room: Room, acts: Acts, copy: HeldCopy, fault: Fault): Promise<void> {
  const { held, options, belief, lost } = room;
  const { path, hash, disk, stat } = copy;
  if (held.find(path, hash) !== copy) return;
  const isThere = (await options.disk.stat(disk)) !== undefined;
  // Of a folder that went away nothing is there, and nothing is lost.
  if (!(await belief.check())) belief.assert();
  const versions = await room.versionsOf(copy);
  const stays = disk === path && (fault === 'unreadable' || lost.isAlone(copy));
  options.log.warn(stays ? 'a copy is bad: it stays, and counts no more' : 'a copy is wrong and was set aside', { path, hash });
  const aside = asidePlace(room);
  const why = fault === 'unreadable' && stays ? 'unreadable' : 'wrong';
  const left: Left = { disk: stays ? path : aside, stat, why, versions };
  const move: Move =
    disk === path
      ? { kind: 'commit', intent: { path, aside, replaces: stat }, replaced: versions }
      : { kind: 'move', from: disk, to: aside };
  const effect = { kind: 'lose', path, hash, ...(isThere && { left }) } as const;
  await acts.run({ id: room.freshName(), moves: isThere && !stays ? [move] : [], effects: [effect] });
  // Should it be read after all, it is held again.
  if (why === 'unreadable') room.suspect(path);
}

/** Bad files that were left where they are go aside once another peer has right bytes, or the mesh wants others there. */
export async function setLeftAside(room: Room, acts: Acts): Promise<void> {
  for (const copy of room.lost.inTheWay()) {
    await room.locks
      .with([copy.path], () => setOneAside(room, acts, copy))
      .catch((thrown) => {
        room.options.log.debug('a bad file stays where it is for now', { path: copy.path, reason: String(thrown) });
      });
  }
}

async function setOneAside(room: Room, acts: Acts, copy: LostCopy): Promise<void> {
  const { path, hash, stat } = copy;
  if (room.lost.at(path) !== copy || (copy.why === 'unreadable' && (await isReadable(room, copy)))) return;
  if (!(await room.belief.check())) return;
  const versions = await room.lost.versionsOf(room.options.store, copy);
  const aside = asidePlace(room);
  const move: Move = { kind: 'commit', intent: { path, aside, replaces: stat }, replaced: versions };
  const left: Left = { disk: aside, stat, why: 'wrong', versions };
  await acts.run({ id: room.freshName(), moves: [move], effects: [{ kind: 'lose', path, hash, left }] });
}

async function isReadable(room: Room, { disk }: LostCopy): Promise<boolean> {
  const file = await room.options.disk.open(disk);
  try {
    return await canBeRead(file);
  } finally {
    await file.close();
  }
}

function asidePlace(room: Room) {
  return `.filemesh/trash/rot-${room.freshName()}` as const;
}
