import { z } from 'zod';
import { CALLS, type CallName } from './calls.ts';

type Shapes = (typeof CALLS)[CallName];

/**
 * Calls with many items each, thousands of which come when many small files do. A shape that walks over its value makes some
 * twenty objects for each item; what is compiled makes the item alone. It takes some milliseconds, and so the others are left.
 */
const MANY_ITEMS: ReadonlySet<CallName> = new Set(['delta', 'place-many', 'read-many']);

/** By name: each is the same for everybody. */
const compiled = new Map<CallName, Shapes>();

/** What a call and its answer have to look like. */
export function shapesOf(name: CallName): Shapes {
  if (!MANY_ITEMS.has(name)) return CALLS[name];
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const { callers, ask, reply } = CALLS[name];
  const shapes = { callers, ask: z.compile(ask), reply: z.compile(reply) } as Shapes;
  compiled.set(name, shapes);
  return shapes;
}
