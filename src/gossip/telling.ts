import type { Catalog } from '../catalog/catalog.ts';
import { TRAIL_STARTS_MAX } from '../core/trail.ts';
import type { Ask } from '../wire/calls.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../wire/codec.ts';

type IndexesToTell = Ask<'cursors'>['indexes'];

/** Bytes of the list in a `cursors` message: leaves room for the rest of the head. */
const LIST_BYTES_MAX = HEAD_BYTES_MAX - 1024;

/**
 * All indexes known here, as a `cursors` message has them. Some hundred indexes with full trails fill a head: above
 * that trails are told from later starts on. Then an old cursor may look like one of another history to the reader,
 * which costs a piece that is not taken.
 */
export function indexesToTell(catalog: Catalog): IndexesToTell {
  for (let starts = TRAIL_STARTS_MAX; starts > 1; starts /= 2) {
    const indexes = withTrails(catalog, starts);
    if (encodedBytes(indexes) <= LIST_BYTES_MAX) return indexes;
  }
  return withTrails(catalog, 1);
}

function withTrails(catalog: Catalog, starts: number): IndexesToTell {
  return catalog.indexes().map(({ peer, trail, sequence, cursor }) => ({
    peer,
    trail: trail.slice(-starts),
    sequence,
    ...(cursor === undefined ? {} : { cursor }),
  }));
}
