/** Room on the disk that one body has: what of it is not there yet is set aside. */
export interface Claim {
  /** The account whose it is, and its life; undefined: nobody's. */
  readonly owner: string | undefined;
  /** Bytes for which there is room still. */
  readonly left: number;
  /** So many of its bytes are on the disk now. */
  came(count: number): void;
  /** So many more are set aside. */
  grow(count: number): void;
  /** Gives back what it has. */
  end(): void;
}

/** Who has how much room. */
export class Claims {
  /** Bytes that were said to come, and have not come yet. */
  coming = 0;
  /** Bytes of all claims, come or not, by whose they are. Those that are no account's are one owner's. */
  readonly #of = new Map<string | undefined, number>();

  /** `came`: what is there already. */
  hold(owner: string | undefined, size: number, came = 0): Claim {
    let [held, coming] = [0, 0];
    const add = (more: number, moreComing: number): void => {
      held += more;
      coming += moreComing;
      this.coming += moreComing;
      const left = (this.#of.get(owner) ?? 0) + more;
      if (left === 0) this.#of.delete(owner);
      else this.#of.set(owner, left);
    };
    add(size, size - came);
    return {
      owner,
      get left() {
        return coming;
      },
      came: (count) => add(0, -count),
      grow: (count) => add(count, count),
      end: () => add(-held, -coming),
    };
  }

  /** No owner takes more than half of all room: the other half is for the others, and for what the peer itself keeps. `free`: bytes nobody has. */
  isBeyondHalf(owner: string | undefined, more: number, free: number): boolean {
    const all = [...this.#of.values()].reduce((sum, held) => sum + held, 0);
    return (this.#of.get(owner) ?? 0) + more > (free + all) / 2;
  }
}
