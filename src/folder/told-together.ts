import { Packr } from 'msgpackr';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { FileVersion } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { StoreWrite } from '../platform/store.ts';
import type { Act, IntentRow, NewFileAct } from './act.ts';
import type { Ledger } from './ledger.ts';
import { decodeRow, encodeRow, intentKey, isJson } from './rows.ts';

/** Acts told by one row: with the longest paths and vectors it is still far from the largest value of the store. 1…64. */
const ACTS_MAX = 32;

/** One row that tells several acts. */
export interface Together {
  readonly key: string;
  readonly value: Uint8Array;
}

/** What there is to be told of an act that puts one new file in place: as many as files, so it is a list by position. */
type Fields = [id: string, path: FilePath, staged: DiskPath, aside: DiskPath, hash: ContentHash, versions: Uint8Array[]];

const packr = new Packr({ useRecords: false, structuredClone: false });

/** Parts acts into rows: a row an act would be written and removed for each file. */
export function together(acts: readonly NewFileAct[], ledger: Pick<Ledger, 'versions'>): Together[] {
  const rows: Together[] = [];
  for (let from = 0; from < acts.length; from += ACTS_MAX) {
    const some = acts.slice(from, from + ACTS_MAX);
    const value = packr.pack(some.map((act) => fieldsOf(act, ledger)));
    rows.push({ key: intentKey(`${some[0]?.id}-together`), value });
  }
  return rows;
}

export function actWrite(act: Act): StoreWrite {
  const row: IntentRow = { phase: 'acting', act };
  return { key: intentKey(act.id), value: encodeRow(row) };
}

/** What ends these rows, and from now on tells each of `left` alone. To be written at once. */
export function apart(rows: readonly Pick<Together, 'key'>[], left: readonly Act[]): StoreWrite[] {
  return [...rows.map(({ key }) => ({ key, value: undefined })), ...left.map(actWrite)];
}

/** What a row tells. */
export function decodeIntent(value: Uint8Array, ledger: Pick<Ledger, 'versions'>): IntentRow {
  if (isJson(value)) return decodeRow<IntentRow>(value);
  return { phase: 'acting together', acts: (packr.unpack(value) as Fields[]).map((fields) => actOf(fields, ledger)) };
}

function fieldsOf(
  { id, moves: [{ intent }], effects: [{ placed, versions }] }: NewFileAct,
  { versions: packing }: Pick<Ledger, 'versions'>,
): Fields {
  const { path, hash } = placed;
  return [id, path, intent.staged, intent.aside, hash, versions.map((version) => packing.pack(path, version))];
}

function actOf([id, path, staged, aside, hash, packed]: Fields, { versions: packing }: Pick<Ledger, 'versions'>): NewFileAct {
  const versions = packed.map((bytes) => packing.unpack(bytes) as FileVersion);
  return {
    id,
    moves: [{ kind: 'commit', intent: { path, staged, aside }, replaced: [] }],
    effects: [{ kind: 'hold', placed: { path, hash, disk: path }, versions }],
  };
}
