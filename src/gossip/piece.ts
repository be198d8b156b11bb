import type { Catalog, Delta, IndexState, NumberedRecord } from '../catalog/catalog.ts';
import type { Trail } from '../core/trail.ts';
import { HEAD_BYTES_MAX } from '../wire/codec.ts';

/** Records of one piece. Range 50–1,000: above, taking a piece in holds up the event loop of the reader. */
const PIECE_RECORDS_MAX = 128;
/** Bytes of the records of one piece: leaves room in a frame's head for the rest of the message, trail included. */
const PIECE_BYTES_MAX = HEAD_BYTES_MAX - 32 * 1024;

/** Which records of an index are to be read. */
export interface PieceWish {
  readonly state: IndexState;
  readonly after: number;
  readonly whole: boolean;
}

/**
 * The next records of one index, at most PIECE_RECORDS_MAX and about PIECE_BYTES_MAX. Undefined when the copy became one
 * of another history while it was read: then what was wished for is no longer meant.
 */
export async function readPiece(catalog: Catalog, wish: PieceWish): Promise<Delta | undefined> {
  const { peer } = wish.state;
  const page = await catalog.read(peer, wish.after, PIECE_RECORDS_MAX);
  const now = catalog.index(peer);
  if (now === undefined || !isSameTrail(now.trail, wish.state.trail)) return undefined;
  // Nothing, and not the end: it is being replaced at this moment.
  if (page.upTo === wish.after && !page.last) return undefined;
  const records = withinBytes(page.records);
  const isCut = records.length < page.records.length;
  const upTo = isCut ? (records.at(-1) as NumberedRecord).sequence : page.upTo;
  return { index: peer, trail: now.trail, after: wish.after, upTo, whole: wish.whole, last: !isCut && page.last, records };
}

/** Of two trails of one index: no start was added in between. */
function isSameTrail(a: Trail, b: Trail): boolean {
  return a.length === b.length && a.at(-1)?.writer === b.at(-1)?.writer;
}

/** What a record takes beside its path and version: keys, sequence, a mask of runs, and how long they are. */
const RECORD_BYTES = 96;

/** The first records that fit into a piece: one at least, and those of one path together where they fit. */
function withinBytes(records: readonly NumberedRecord[]): readonly NumberedRecord[] {
  let bytes = 0;
  /** Where the records of one path begin that are not all in yet. */
  let boundary = 0;
  for (const [index, { path, packed }] of records.entries()) {
    if (path !== records[index - 1]?.path) boundary = index;
    // At most three bytes a code unit; the shapes keep a single record below any such limit.
    bytes += RECORD_BYTES + 3 * path.length + packed.length;
    if (bytes > PIECE_BYTES_MAX && index > 0) return records.slice(0, boundary > 0 ? boundary : index);
  }
  return records;
}
