/** Taken items are cut off once there are so many, and more than half of all. Below that a cut costs more than it frees. */
const CUT_MIN = 1_000;

/** First in, first out, at the same small cost however many wait: `Array.shift` moves all that wait, each time. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Undefined when nothing waits. */
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#taken];
    this.#items[this.#taken] = undefined;
    this.#taken += 1;
    if (this.#taken >= CUT_MIN && this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}
