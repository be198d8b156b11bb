/** What the mesh may not use: each of these would make a seed irreproducible. */
const BANNED_GLOBALS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch'] as const;

interface Wire {
  readonly holder: object;
  readonly name: string;
}

const WIRES: readonly Wire[] = [
  ...BANNED_GLOBALS.map((name) => ({ holder: globalThis, name })),
  { holder: Math, name: 'random' },
  { holder: Date, name: 'now' },
  { holder: performance, name: 'now' },
  { holder: process, name: 'hrtime' },
  { holder: crypto, name: 'getRandomValues' },
  { holder: crypto, name: 'randomUUID' },
];

/**
 * Makes real time and real chance throw while simulated code runs; the function returned takes that back. The
 * scheduler's own `setImmediate` was taken before. Whoever steps on one fails the seed.
 *
 * Opt-in: test runners use some of these themselves between two events.
 */
export function armTripwires(): () => void {
  const before = WIRES.map(({ holder, name }) => Object.getOwnPropertyDescriptor(holder, name));
  for (const { holder, name } of WIRES) {
    const trip = () => {
      throw new Error(`the simulation must not use ${name}`);
    };
    Object.defineProperty(holder, name, { value: trip, configurable: true, writable: true });
  }
  return () => {
    WIRES.forEach(({ holder, name }, index) => {
      const descriptor = before[index];
      if (descriptor !== undefined) Object.defineProperty(holder, name, descriptor);
      else Reflect.deleteProperty(holder, name);
    });
  };
}
