/** A thing to be done later that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Time. Wall time is for display and mtimes, never for order. */
export interface Clock {
  /** Monotonic ms since some start; fractions allowed. */
  now(): number;
  /** Unix ms, as the machine believes: may jump either way. */
  wall(): number;
  /** Calls `act` once, at least `ms` from now, from the event loop, never from within this call. */
  after(ms: number, act: () => void): Timer;
}

/** Resolves in a later turn of the event loop: long work that waits for it now and then keeps nobody waiting. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(0, resolve));
}
