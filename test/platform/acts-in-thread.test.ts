import { expect, test } from 'vitest';
import type { RootState } from '../../src/platform/disk.ts';
import { ActsInThread } from '../../src/platform/node/acts-in-thread.ts';
import type { Acts } from '../../src/platform/node/disk-acts.ts';

test('where the system gives no thread all acts are done here, however many there are', async () => {
  const root: RootState = { state: 'missing', reason: 'a test' };
  let [underWay, most] = [0, 0];
  const probe = async (): Promise<RootState> => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return root;
  };
  // A function cannot be handed over to a thread, so that none can be started.
  const acts = new ActsInThread(probe as unknown as string, { probe } as unknown as Acts, { fromActs: 2 });
  const answers = await Promise.all(Array.from({ length: 10 }, () => acts.probe()));
  expect(answers).toEqual(new Array(10).fill(root));
  expect(most).toBe(10);
  expect(await acts.probe()).toEqual(root);
});
