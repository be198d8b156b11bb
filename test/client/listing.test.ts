import { expect, test } from 'vitest';
import { listEntries, selectEntries } from '../../src/client/verbs/listing.ts';
import { openBench } from './verb-bench.ts';

test('a list ends with a peer whose pages do not go on', async () => {
  const { session, settle, alpha } = await openBench();
  for (const next of ['', 'a']) {
    let asked = 0;
    alpha.script.list = async () => ({ entries: [], more: ++asked < 100, next });
    const walk = async () => {
      for await (const entry of listEntries(session, {})) throw new Error(entry.path);
    };
    await expect(settle(walk())).rejects.toMatchObject({ code: 'protocol' });
    expect(asked).toBeLessThan(3);
  }
});

test.each(['.', './', '/'])('whoever names all by %s is told how that is done', async (name) => {
  const { session, settle } = await openBench();
  await expect(settle(selectEntries(session, name))).rejects.toMatchObject({
    code: 'bad-name',
    message: expect.stringContaining("'*' in quotes"),
  });
});
