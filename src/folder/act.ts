import type { ContentHash, FilePath } from '../core/ids.ts';
import type { RunMask } from '../core/striping.ts';
import type { Draft, FileVersion, Version } from '../core/version.ts';
import type { CommitIntent, DiskPath, FileStat, NewFileIntent } from '../platform/disk.ts';
import type { LostCopy } from './lost-copies.ts';
import type { OldRow } from './old-copies.ts';
import type { RunFacts } from './runs-table.ts';

/** One thing the disk does. `replaced`: the versions of what `intent.replaces` was, for a save that came too late. */
export type Move =
  | { readonly kind: 'commit'; readonly intent: CommitIntent; readonly replaced: readonly FileVersion[] }
  /** One private file gets another private name. */
  | { readonly kind: 'move'; readonly from: DiskPath; readonly to: DiskPath };

/** A content that lies at `disk` once the moves are done. `stat`: as noted before, where no move put it there. */
export interface Placed {
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly disk: DiskPath;
  readonly stat?: FileStat;
}

/** Where the file of a lost copy lies now, and what it was held for. */
export type Left = Pick<LostCopy, 'disk' | 'stat' | 'why' | 'run'> & { readonly versions: readonly FileVersion[] };

/** One thing that becomes true in the ledger when all moves are done; all of an act's at once, in this order. */
export type Effect =
  /** A held copy lies there no more. `by`: recorded as none, unless this peer has a record of it; absent: nothing is recorded. */
  | { readonly kind: 'drop'; readonly path: FilePath; readonly hash: ContentHash; readonly by?: Version }
  /** A copy turned out wrong or lost: this peer has it no more, and nobody deleted it. */
  | { readonly kind: 'lose'; readonly path: FilePath; readonly hash: ContentHash; readonly left?: Left }
  /** Bytes that are told of as lost elsewhere in the act lie there now. */
  | { readonly kind: 'leave'; readonly path: FilePath; readonly hash: ContentHash; readonly left: Left }
  /** These versions, of one content, are held. */
  | { readonly kind: 'hold'; readonly placed: Placed; readonly versions: readonly FileVersion[] }
  /** Runs of a content lie here now, beside those that did: they are held for these versions, of one path. */
  | {
      readonly kind: 'hold-runs';
      readonly path: FilePath;
      readonly runs: RunFacts;
      readonly more: RunMask;
      readonly versions: readonly FileVersion[];
    }
  /** The same, held for no version yet. `by`: who sent them. */
  | { readonly kind: 'keep-runs'; readonly runs: RunFacts; readonly more: RunMask; readonly by?: string }
  /** Runs turned out wrong or lost: this peer has them no more, under any path. `key`: see RunFacts. */
  | {
      readonly kind: 'lose-runs';
      readonly path: FilePath;
      readonly hash: ContentHash;
      readonly key?: ContentHash;
      readonly lost: RunMask;
    }
  /** Runs are held for this path no more. `by`: recorded as none, unless this peer has a record of it; absent: nothing is recorded. */
  | {
      readonly kind: 'drop-runs';
      readonly path: FilePath;
      readonly hash: ContentHash;
      readonly key?: ContentHash;
      readonly by?: Version;
    }
  /** The same content lies there as before, touched: only the stat is noted. */
  | { readonly kind: 'note'; readonly placed: Placed; readonly versions: readonly FileVersion[] }
  /** A new version is made; a file is held where it was placed, one that was not is striped: of it runs are held, or none. */
  | {
      readonly kind: 'mint';
      readonly path: FilePath;
      readonly draft: Draft;
      readonly base: readonly Version[];
      readonly placed?: Placed;
    }
  /** A content was set aside. */
  | { readonly kind: 'old'; readonly row: OldRow }
  /** A content set aside is something else now. */
  | { readonly kind: 'forget'; readonly copy: string };

/**
 * An act of this program on the folder: told durably as a whole before its first move, so that it is finished after a
 * crash. Either all of its moves and effects happen, or none stays.
 */
export interface Act {
  readonly id: string;
  readonly moves: readonly Move[];
  readonly effects: readonly Effect[];
  /** Rows of the store that end with this act: what it was made from. */
  readonly clears?: readonly string[];
}

/** An act that puts one new file in place. */
export interface NewFileAct extends Act {
  readonly moves: readonly [
    { readonly kind: 'commit'; readonly intent: NewFileIntent; readonly replaced: readonly FileVersion[] },
  ];
  readonly effects: readonly [Effect & { readonly kind: 'hold' }];
}

/** The paths an act touches: their locks are held from before it is told until it is recorded. */
export function pathsOf(act: Act): FilePath[] {
  const paths = act.effects.flatMap((effect) => {
    if (effect.kind === 'old' || effect.kind === 'forget' || effect.kind === 'keep-runs') return [];
    return [effect.kind === 'hold' || effect.kind === 'note' ? effect.placed.path : effect.path];
  });
  return [...new Set(paths)];
}

/** Where bytes of an act may lie that no row tells of. */
export function placesOf(act: Act): DiskPath[] {
  return act.moves.flatMap((move) =>
    move.kind === 'move' ? [move.from] : [...(move.intent.staged ? [move.intent.staged] : []), move.intent.aside],
  );
}

/** The contents that lie here once an act is done. */
export function contentsOf(act: Act): ContentHash[] {
  return act.effects.flatMap((effect) => ('placed' in effect ? [effect.placed.hash] : []));
}

/** A replaced file that a program may still write to: its bytes become a version when it does. */
export interface Aside {
  readonly disk: DiskPath;
  readonly path: FilePath;
  /** What was replaced; absent: what lies there is an edit for sure. */
  readonly replaces?: FileStat;
  readonly base: readonly FileVersion[];
}

/** What the store keeps of an act: the act itself, then what has to be looked at again. */
export type IntentRow =
  | { readonly phase: 'acting'; readonly act: Act }
  /** Acts that are told together; each ends alone. */
  | { readonly phase: 'acting together'; readonly acts: readonly NewFileAct[] }
  | { readonly phase: 'watching'; readonly asides: readonly Aside[] };
