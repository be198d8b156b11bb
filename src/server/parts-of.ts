import type { Catalog } from '../catalog/catalog.ts';
import type { FilePath, RequestId } from '../core/ids.ts';
import { madeBy, stemsShown } from '../core/namespace.ts';
import type { Version } from '../core/version.ts';

/** Paths looked at in one turn of the event loop: some 2 ms. Range 50–500. */
const PATHS_A_TURN = 100;

/**
 * The files that a request made of the conflict at `path`, by what `shownNames` may call them: whatever else begins with the same
 * letters is passed over. `pause` resolves in a later turn.
 */
export async function partsOf(
  catalog: Pick<Catalog, 'paths' | 'view'>,
  path: FilePath,
  request: RequestId,
  pause: () => Promise<void>,
): Promise<[FilePath, Version][]> {
  const parts: [FilePath, Version][] = [];
  for (const stem of stemsShown(path)) {
    const prefix = `${stem} (`;
    for (let after = prefix; ; await pause()) {
      const names = catalog.paths(after, PATHS_A_TURN);
      const those = names.filter((name) => name.startsWith(prefix));
      for (const name of those) {
        const version = madeBy(catalog.view(name), request);
        if (version !== undefined && name !== path) parts.push([name, version]);
      }
      const last = those.at(-1);
      if (last === undefined || those.length < PATHS_A_TURN) break;
      after = last;
    }
  }
  return parts;
}
