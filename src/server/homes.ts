import type { Catalog } from '../catalog/catalog.ts';
import { homeOf } from '../core/rights.ts';
import { type Clock, nextTurn } from '../platform/clock.ts';

/** Paths looked at in one go. Range 100–10,000. */
const PAGE_PATHS = 1_000;

/**
 * Something lies in the home of that name, or lay there: whoever has the home may read what is in the trash, and earlier versions
 * of what was renamed. It is walked through every path, which only a name that is given anew costs.
 */
export async function hasHome(
  { catalog, clock }: { readonly catalog: Catalog; readonly clock: Clock },
  name: string,
): Promise<boolean> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const paths: readonly string[] = catalog.paths(after, PAGE_PATHS);
    if (paths.some((path) => homeOf(path) === name)) return true;
    after = paths.at(-1);
    await nextTurn(clock);
  }
  return false;
}
