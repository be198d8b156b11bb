/** Does `act` to every item, at most `max` at once, and gives the results in the order of the items. Rejects with the first error. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  max: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const hand = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await act(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, hand));
  return results;
}
