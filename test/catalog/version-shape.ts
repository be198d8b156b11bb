import { z } from 'zod';
import { BURIED_MAX, INHERITED_REQUESTS_MAX, VECTOR_ENTRIES_MAX } from '../../src/core/version.ts';
import {
  contentHashShape,
  countShape,
  filePathShape,
  modeShape,
  peerIdShape,
  requestIdShape,
  wallShape,
  writerIdShape,
} from '../../src/wire/shapes.ts';

const entryShape = z.strictObject({ writer: writerIdShape, counter: countShape.min(1) });
const descentShapes = {
  own: entryShape,
  vector: z
    .array(entryShape)
    .min(1)
    .max(VECTOR_ENTRIES_MAX * 2),
  request: requestIdShape.optional(),
  inherited: z.array(requestIdShape).max(INHERITED_REQUESTS_MAX),
  origin: peerIdShape,
  modifiedMs: wallShape,
};

/** What a version may be, in the words of the other shapes: what is read of others is held against it. */
export const versionShape = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('file'),
    ...descentShapes,
    hash: contentHashShape,
    size: countShape,
    mode: modeShape,
    manifest: z.strictObject({ scheme: z.number().int().min(0).max(255), hash: contentHashShape }),
    found: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('tombstone'),
    ...descentShapes,
    buried: z.array(contentHashShape).max(BURIED_MAX),
    renamedTo: filePathShape.optional(),
  }),
]);
