import type { Incarnation } from './incarnation.ts';

/** One thing to happen at a virtual time, on behalf of one incarnation. */
export interface SimEvent {
  timeMs: number;
  /** Seeded: events of one moment happen in any order, the same for one seed. */
  tie: number;
  sequence: number;
  readonly owner: Incarnation;
  readonly act: () => void;
  cancelled: boolean;
}

/** A binary heap, earliest first by (time, tie, sequence). */
export class EventHeap {
  readonly #events: SimEvent[] = [];

  get first(): SimEvent | undefined {
    return this.#events[0];
  }

  push(event: SimEvent): void {
    const events = this.#events;
    let index = events.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = events[parent] as SimEvent;
      if (!isEarlier(event, above)) break;
      events[index] = above;
      index = parent;
    }
    events[index] = event;
  }

  pop(): SimEvent | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      const right = child + 1;
      if (right < events.length && isEarlier(events[right] as SimEvent, events[child] as SimEvent)) child = right;
      const below = events[child] as SimEvent;
      if (!isEarlier(below, last)) break;
      events[index] = below;
      index = child;
    }
    events[index] = last;
    return first;
  }
}

function isEarlier(a: SimEvent, b: SimEvent): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.sequence < b.sequence;
}
