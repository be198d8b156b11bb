import { MeshError } from '../core/errors.ts';
import type { FileStat } from '../platform/disk.ts';
import type { Move } from './act.ts';
import type { Room } from './room.ts';

/**
 * Takes one move back: the disk is as before it, but for what people did since, which stays. Run again after a crash,
 * the moves of the act find the state they began from.
 *
 * @param placed the stat the move resulted in; undefined when it broke off and nobody knows how far it came.
 */
export async function undoMove(room: Room, move: Move, placed: FileStat | undefined): Promise<void> {
  const { disk } = room.options;
  if (move.kind === 'move') {
    if ((await disk.stat(move.from)) !== undefined) return;
    // Under neither name: somebody took it away, or put an older folder in place of this one.
    if ((await disk.stat(move.to)) !== undefined) await disk.move(move.to, move.from);
    return;
  }
  const { path, staged, aside, replaces } = move.intent;
  if (staged === undefined) return putBack(room, path, aside);
  const source = await disk.stat(staged);
  if (source !== undefined) {
    const there = await disk.stat(path);
    // Linked and not yet unlinked: only a rerun can tell what is whose.
    if (there?.inode === source.inode) throw new MeshError('failed', `${path} is half in place`);
    return replaces === undefined ? undefined : putBack(room, path, aside);
  }
  if (placed === undefined && (await disk.stat(path)) === undefined) {
    // It was in place, and a person took it away; or it never was.
    return replaces === undefined ? undefined : putBack(room, path, aside);
  }
  if (placed === undefined) throw new MeshError('failed', `${path} is half in place`);
  // The staged file goes back to its stage, what it replaced to its name. Where people changed it since, it stays theirs.
  const isReplacing = replaces !== undefined && (await disk.stat(aside)) !== undefined;
  await disk.commit(
    isReplacing ? { path, staged: aside, aside: staged, replaces: placed } : { path, aside: staged, replaces: placed },
  );
}

/** What was set aside gets its name again, unless a new file has it. */
async function putBack(room: Room, path: string, aside: string): Promise<void> {
  const { disk } = room.options;
  if ((await disk.stat(aside)) === undefined) return;
  await disk.commit({ path, staged: aside, aside: room.freshPlace('trash') });
}
