import type { StoreWrite } from '../platform/store.ts';
import type { Act, IntentRow, NewFileAct } from './act.ts';
import { encodeRow, intentKey } from './rows.ts';

/** Acts told by one row: with the longest paths and vectors it is still far from the largest value of the store. 1…64. */
const ACTS_MAX = 32;

/** One row that tells several acts. */
export interface Together {
  readonly key: string;
  readonly acts: readonly NewFileAct[];
}

/** Parts acts into rows: a row an act would be written and removed for each file. */
export function together(acts: readonly NewFileAct[]): Together[] {
  const rows: Together[] = [];
  for (let from = 0; from < acts.length; from += ACTS_MAX) {
    const some = acts.slice(from, from + ACTS_MAX);
    rows.push({ key: intentKey(`${some[0]?.id}-together`), acts: some });
  }
  return rows;
}

export function togetherWrite({ key, acts }: Together): StoreWrite {
  const row: IntentRow = { phase: 'acting together', acts };
  return { key, value: encodeRow(row) };
}

export function actWrite(act: Act): StoreWrite {
  const row: IntentRow = { phase: 'acting', act };
  return { key: intentKey(act.id), value: encodeRow(row) };
}

/** What ends these rows, and from now on tells each of `left` alone. To be written at once. */
export function apart(rows: readonly Together[], left: readonly Act[]): StoreWrite[] {
  return [...rows.map(({ key }) => ({ key, value: undefined })), ...left.map(actWrite)];
}
