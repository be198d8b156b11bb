import { asMeshError, type ErrorCode, MeshError } from '../core/errors.ts';

/** Failures of one name, which say nothing about the others. */
const OF_ONE_NAME: ReadonlySet<ErrorCode> = new Set([
  'exists',
  'conflict',
  'overtaken',
  'not-found',
  'bad-name',
  'bad-place',
  'changed',
  'unavailable',
  'gone',
  'corrupt',
]);

/**
 * Runs `work` on every item, at most `limit` at once; the results in the order of the items. One name's failure does not
 * keep the others; any other stops further ones from beginning. The first failure is thrown when all under way have
 * ended, and says of several items how many were done.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let done = 0;
  let isStopped = false;
  let failed: { thrown: unknown } | undefined;
  const hand = async (): Promise<void> => {
    while (next < items.length && !isStopped) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item);
        done++;
      } catch (thrown) {
        failed ??= { thrown };
        isStopped ||= !OF_ONE_NAME.has(asMeshError(thrown).code);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, hand));
  if (failed === undefined) return results;
  if (items.length === 1) throw failed.thrown;
  const { code, message } = asMeshError(failed.thrown);
  throw new MeshError(code, `${message} (${done} of ${items.length} files are done)`, { cause: failed.thrown });
}
