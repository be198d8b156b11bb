import type { Catalog } from '../catalog/catalog.ts';
import { type FileVersion, isReplaced, versionKey } from '../core/version.ts';
import type { Ask } from '../wire/calls.ts';

type Asked = Pick<Ask<'place'>, 'path' | 'hash' | 'version'>;

/** The version somebody is asked to take, when it is known here and current. */
export function askedVersion(catalog: Catalog, { path, hash, version: key }: Asked): FileVersion | undefined {
  const content = catalog.view(path)?.contents.find((one) => one.hash === hash);
  return content?.versions.find((version) => versionKey(version) === key);
}

/** False while its record may be on its way. One that was replaced meanwhile never comes: nobody waits for that. */
export function isRecordHere(catalog: Catalog, asked: Asked): boolean {
  if (askedVersion(catalog, asked) !== undefined) return true;
  const known = catalog.view(asked.path)?.known ?? [];
  return isReplaced(
    asked.version,
    known.map(({ version }) => version),
  );
}
