import type { Delta, NumberedRecord } from '../catalog/catalog.ts';
import { bytesOf, type PackedVersion } from '../catalog/packed-version.ts';
import { MeshError } from '../core/errors.ts';
import type { Ask } from '../wire/calls.ts';

/** A delta as its message has it: the versions as the catalog keeps them, one behind the other, with nothing made for each. */
export function askOf({ trail, records, ...delta }: Delta): Ask<'delta'> {
  return {
    ...delta,
    trail: [...trail],
    records: records.map(({ sequence, path, holding, packed }) => ({ sequence, path, holding, bytes: packed.length })),
    versions: bytesOf(records.map(({ packed }) => packed).join('') as PackedVersion),
  };
}

/** The delta of a message; its versions are not looked at yet. Throws `protocol` when they have not the lengths told. */
export function deltaOf({ records, versions, ...delta }: Ask<'delta'>): Delta {
  const all = Buffer.from(versions.buffer, versions.byteOffset, versions.length);
  let at = 0;
  const numbered = records.map(({ sequence, path, holding, bytes }): NumberedRecord => {
    const packed = all.toString('latin1', at, at + bytes) as PackedVersion;
    at += bytes;
    return { sequence, path, holding, packed };
  });
  if (at !== versions.length) throw new MeshError('protocol', 'a delta whose versions have other lengths than told');
  return { ...delta, records: numbered };
}
