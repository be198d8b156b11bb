import type { Catalog } from '../catalog/catalog.ts';
import { isOnTrail } from '../core/trail.ts';
import type { Link } from '../wire/link.ts';
import type { TellableIndex } from './lacking.ts';

/** How far a live peer's index must be read: unknown until it told, then as told, then reached for the link's life. */
type Goal = 'untold' | 'reached' | TellableIndex;

/**
 * Keeps `caughtUp` of the own entry in the table of peers: this peer has read each live peer's index, over whatever way,
 * up to where it stood when their link came up. Alone it is caught up. Only who is may own names: one that has not read
 * what the others know would grant what they would refuse.
 */
export class CatchingUp {
  readonly #catalog: Catalog;
  readonly #goals = new Map<Link, Goal>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  linkUp(link: Link): void {
    this.#goals.set(link, 'untold');
    this.decide();
  }

  linkDown(link: Link): void {
    this.#goals.delete(link);
    this.decide();
  }

  /** The other end told its indexes: where its own one stands is the goal, the first time on this link. */
  told(link: Link, indexes: readonly TellableIndex[]): void {
    if (this.#goals.get(link) !== 'untold') return;
    const own = indexes.find((one) => one.peer === link.peer);
    this.#goals.set(link, own?.cursor === undefined || own.sequence === 0 ? 'reached' : own);
    this.decide();
  }

  /** Something was read: looks which goals are reached now. */
  decide(): void {
    for (const [link, goal] of this.#goals) {
      if (typeof goal !== 'string' && this.#isRead(goal)) this.#goals.set(link, 'reached');
    }
    const caughtUp = [...this.#goals.values()].every((goal) => goal === 'reached');
    const { peers, self } = this.#catalog;
    if (peers.get(self)?.caughtUp !== caughtUp) peers.update(self, { caughtUp });
  }

  /** True when the copy here reaches where the index stood then. A start without records may be missing in its trail. */
  #isRead({ peer, trail, sequence, cursor: goal }: TellableIndex): boolean {
    const state = this.#catalog.index(peer);
    const cursor = state?.cursor;
    if (state === undefined || cursor === undefined || goal === undefined) return false;
    if (isOnTrail(goal, state.trail, cursor.sequence)) return true;
    return cursor.sequence === sequence && isOnTrail(cursor, trail, sequence);
  }
}
