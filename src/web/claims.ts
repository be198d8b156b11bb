/** Room on the disk that one body has: what of it is not there yet is set aside. */
export interface Claim {
  /** The account whose it is. */
  readonly owner: string | undefined;
  /** So many of its bytes are on the disk now. */
  came(count: number): void;
  /** Gives back what it has. */
  end(): void;
}

/** Who has how much room. */
export class Claims {
  /** Bytes that were said to come, and have not come yet. */
  coming = 0;
  /** Bytes of all claims, come or not, by whose they are. */
  readonly #of = new Map<string | undefined, number>();

  /** `size` undefined: nobody knows before it ends. `came`: what is there already. */
  hold(owner: string | undefined, size: number | undefined, came = 0): Claim {
    let [held, coming] = [0, 0];
    const add = (more: number, moreComing: number): void => {
      held += more;
      coming += moreComing;
      this.coming += moreComing;
      const left = (this.#of.get(owner) ?? 0) + more;
      if (left === 0) this.#of.delete(owner);
      else this.#of.set(owner, left);
    };
    add(size ?? 0, (size ?? 0) - came);
    return {
      owner,
      came: (count) => (size === undefined ? add(count, 0) : add(0, -count)),
      end: () => add(-held, -coming),
    };
  }

  /** Of accounts none takes more than half of all room: the other half is for the others. `free`: bytes nobody has. */
  isBeyondHalf(owner: string | undefined, more: number, free: number): boolean {
    if (owner === undefined) return false;
    const all = [...this.#of.values()].reduce((sum, held) => sum + held, 0);
    return (this.#of.get(owner) ?? 0) + more > (free + all) / 2;
  }
}
