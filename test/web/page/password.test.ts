import { describe, expect, it } from 'vitest';
import { passwordSecrets as ofTheProgram } from '../../../src/client/password.ts';
import { NodeHasher } from '../../../src/platform/node/node-hasher.ts';
import { passwordSecrets } from '../../../src/web/page/password.ts';

describe('a password typed into the page', () => {
  it('proves the same as one typed at a terminal', async () => {
    const hasher = new NodeHasher();
    for (const [user, password] of [
      ['anna', 'correct horse'],
      ['ben-2', 'pa\u0308ss wo\u0308rd'],
    ] as const) {
      const here = await passwordSecrets(password, '0123456789abcdef', user);
      const there = await ofTheProgram(hasher, '0123456789abcdef', user, password);
      expect(here.proof).toBe(there.proof);
      expect([...here.wrapKey]).toEqual([...there.wrapKey]);
    }
  });
});
