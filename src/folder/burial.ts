import type { FilePath } from '../core/ids.ts';
import type { FileVersion } from '../core/version.ts';
import type { Effect } from './act.ts';
import { baseOfHeld, buriedBy } from './descent.ts';
import type { HeldCopy } from './held-table.ts';
import type { LedgerTransaction } from './ledger.ts';
import type { Room } from './room.ts';

/** A held content was deleted in the folder, or renamed to `renamedTo`. */
export function burialEffects(
  room: Room,
  transaction: LedgerTransaction,
  copy: HeldCopy,
  versions: readonly FileVersion[],
  renamedTo?: FilePath,
): Effect[] {
  const base = baseOfHeld(transaction.view(copy.path), versions);
  const { clock, ledger } = room.options;
  const draft = {
    kind: 'tombstone',
    buried: buriedBy(base),
    ...(renamedTo !== undefined && { renamedTo }),
    origin: ledger.self,
    modifiedMs: clock.wall(),
  } as const;
  return [
    { kind: 'drop', path: copy.path, hash: copy.hash },
    { kind: 'mint', path: copy.path, draft, base },
  ];
}
