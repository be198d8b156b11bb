import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { remove, rename } from '../../src/client/verbs/changes.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Answer } from '../../src/wire/link.ts';
import { codeOf, createText, putText, seen, startStory } from './story.ts';

describe('a name that came to be in between', () => {
  it('overtakes an upload, which refuses no name, and exists for a create', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { mesh, sessions } = await startStory(`new name ${seed}`, { clients: 3 });
      await mesh.settle(Promise.all(sessions.map((session) => session.connect())));
      const codes = await mesh.settle(Promise.all(sessions.map((session, n) => codeOf(putText(session, 'same', `text ${n}`)))));
      expect(codes.filter((code) => code === undefined).length).toBeGreaterThanOrEqual(1);
      expect(codes.filter((code) => code !== undefined && code !== 'overtaken')).toEqual([]);
      const [session] = sessions;
      if (session === undefined) throw new Error('clients');
      expect((await mesh.settle(seen(session, 'same')))?.contents).toHaveLength(1);
      expect(await mesh.settle(codeOf(createText(session, 'same', 'again')))).toBe('exists');
      await mesh.settle(createText(session, 'other', 'other'));
      expect(await mesh.settle(codeOf(rename(session, 'other', 'same', {})))).toBe('exists');
      expect(await mesh.settle(codeOf(putText(session, 'SAME', 'twin')))).toBe('exists');
    }
  });
});

/** Asks until it is not told to come again. */
function insisted(session: Session, ask: Ask<'change'>): Promise<Answer<'change'>> {
  return session.call('change', ask).catch((thrown: unknown) => {
    if (asMeshError(thrown).code !== 'unavailable') throw thrown;
    return insisted(session, ask);
  });
}

describe('one request asked for through several peers at once', () => {
  it('acts once, whoever holds the claim', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { mesh, sessions } = await startStory(`same request ${seed}`, { clients: 3 });
      const [session] = sessions;
      if (session === undefined) throw new Error('clients');
      await mesh.settle(createText(session, 'a', 'one'));
      const entry = await mesh.settle(seen(session, 'a'));
      const request = 'e'.repeat(32) as RequestId;
      const change = { kind: 'rename', path: checkPath('a'), to: checkPath('b') } as const;
      const ask = { request, change, base: entry?.base ?? [], hops: 2 };
      // Two holders that move the file at the same moment have it under neither name for an instant: who comes then is told to come again.
      const replies = await mesh.settle(Promise.all(sessions.map((one) => insisted(one, ask))));
      expect(replies.map(({ reply }) => reply.done[0]?.path)).toEqual(['b', 'b', 'b']);
      expect((await mesh.settle(seen(session, 'b')))?.contents).toHaveLength(1);
      await mesh.settle(remove(session, 'b', {}));
      const again = await mesh.settle(Promise.all(sessions.map((one) => codeOf(one.call('change', ask)))));
      expect(again).toEqual([undefined, undefined, undefined]);
      await mesh.run(5_000);
      expect((await mesh.settle(seen(session, 'b')))?.contents).toEqual([]);
      expect((await mesh.settle(seen(session, 'a')))?.contents).toEqual([]);
    }
  });
});
