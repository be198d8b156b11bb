import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FirstOut } from '../../src/core/first-out.ts';

it('gives out what a map holds, oldest first, whatever is added and deleted in between', () => {
  const key = fc.integer({ min: 0, max: 9 });
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('take' as const), key }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const model = new Map<number, number>();
      const queue = new FirstOut<number, number>();
      for (const [index, one] of steps.entries()) {
        if (one.do === 'take') {
          const first = model.keys().next().value;
          const expected = first === undefined ? undefined : model.get(first);
          if (first !== undefined) model.delete(first);
          expect(queue.take()).toBe(expected);
        } else if (one.do === 'set') {
          model.set(one.key, index);
          queue.set(one.key, index);
        } else {
          model.delete(one.key);
          queue.delete(one.key);
        }
        expect(queue.size).toBe(model.size);
      }
    }),
  );
});
