/** Items by keys that several may share. One item a key is the common case: no set is made for it. An item is no set itself. */
export class MultiMap<Key, Item extends object> {
  readonly #items = new Map<Key, Item | Set<Item>>();

  has(key: Key): boolean {
    return this.#items.has(key);
  }

  /** In the order in which they were added. */
  of(key: Key): Iterable<Item> {
    const found = this.#items.get(key);
    return found === undefined ? [] : found instanceof Set ? found : [found];
  }

  add(key: Key, item: Item): void {
    const same = this.#items.get(key);
    if (same === undefined) this.#items.set(key, item);
    else if (same instanceof Set) same.add(item);
    else if (same !== item) this.#items.set(key, new Set([same, item]));
  }

  /** Nothing happens when the item is not there. */
  delete(key: Key, item: Item): void {
    const same = this.#items.get(key);
    if (same instanceof Set) same.delete(item);
    if (same === item || (same instanceof Set && same.size === 0)) this.#items.delete(key);
  }
}
