/**
 * Does `act` to every item, at most `max` at once, and gives the results in the order of the items. Rejects with the first
 * error: no further item is begun then, and none is under way any more.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  max: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const hand = async () => {
    try {
      while (next < items.length) {
        const index = next++;
        results[index] = await act(items[index] as Item);
      }
    } finally {
      // The others stop too, were it for an error: who called frees what was taken for these items.
      next = items.length;
    }
  };
  const hands = Array.from({ length: Math.min(max, items.length) }, hand);
  await Promise.allSettled(hands);
  await Promise.all(hands);
  return results;
}
