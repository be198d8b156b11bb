/**
 * Runs `work` on every item, at most `limit` at once; the results in the order of the items. The first failure stops
 * further ones from beginning and is thrown when those under way have ended.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let failed: { thrown: unknown } | undefined;
  const hand = async (): Promise<void> => {
    while (next < items.length && failed === undefined) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item);
      } catch (thrown) {
        failed ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, hand));
  if (failed !== undefined) throw failed.thrown;
  return results;
}
