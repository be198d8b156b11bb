import { describe, expect, it } from 'vitest';
import type { FilePath } from '../../src/core/ids.ts';
import { History } from '../../src/server/history.ts';
import { CALLS, type Reply } from '../../src/wire/calls.ts';

type Copy = Reply<'history'>['copies'][number];

const path = 'a' as FilePath;
const hashOf = (number: number) => number.toString(16).padStart(64, '0') as Copy['hash'];

/** What is told of a name with these older contents here and at bravo, one current. */
async function told(here: readonly number[], there: readonly number[]): Promise<Copy[]> {
  const old = (number: number) => ({ hash: hashOf(number), size: 10, modifiedMs: number, mode: 0o644, origin: 'alpha' });
  const copyOf = (number: number) => {
    const { modifiedMs: modified, ...rest } = old(number);
    return { ...rest, copy: rest.hash, modified, peers: ['bravo'], current: false };
  };
  const answer = { copies: there.map(copyOf) };
  const current = { hash: hashOf(0), size: 10, modifiedMs: 0, shown: { mode: 0o644, origin: 'alpha' }, holders: ['alpha'] };
  const slice = {
    catalog: { self: 'alpha', view: () => ({ contents: [current] }), shownName: (peer: string) => peer },
    folder: { oldCopies: async () => here.map(old) },
    switchboard: { peers: () => [{ call: async () => ({ reply: answer }) }] },
  };
  const { copies } = await new History(slice as unknown as ConstructorParameters<typeof History>[0]).of({ path, ask: true });
  return copies;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('the history of a name', () => {
  it('tells the current content and the 499 newest of more, each once, and fits its message', async () => {
    const copies = await told(numbers(1, 600), numbers(300, 799));
    expect(copies[0]).toMatchObject({ hash: hashOf(0), current: true });
    expect(copies.slice(1).map((copy) => copy.modified)).toEqual(numbers(301, 799).reverse());
    expect(copies.find((copy) => copy.modified === 350)?.peers).toEqual(['alpha', 'bravo']);
    expect(CALLS.history.reply.safeParse({ copies }).success).toBe(true);
  });
});

describe('an older content that other peers keep', () => {
  it('comes from the one that has it while another hangs, which is asked for the rest', async () => {
    const asked: string[] = [];
    const peer = (name: string, answer: () => Promise<unknown>) => ({
      call: () => {
        asked.push(name);
        return answer();
      },
    });
    const peers = [
      peer('bravo', () => new Promise(() => {})),
      peer('charlie', () => Promise.reject(new Error('gone'))),
      peer('delta', async () => ({ reply: { size: 2 }, tail: new Uint8Array(1) })),
    ];
    const folder = { openOld: () => Promise.reject(new Error('gone')) };
    const slice = { folder, switchboard: { peers: () => peers } };
    const history = new History(slice as unknown as ConstructorParameters<typeof History>[0]);
    const read = (offset: number) => history.readOld({ path, hash: hashOf(1), offset, length: 1 }, true);
    expect(await read(0)).toMatchObject({ reply: { size: 2 } });
    expect(asked.splice(0).sort()).toEqual(['bravo', 'charlie', 'delta']);
    expect(await read(1)).toMatchObject({ reply: { size: 2 } });
    expect(asked).toEqual(['delta']);
  });

  it('is not found when nobody keeps it', async () => {
    const folder = { openOld: () => Promise.reject(new Error('gone')) };
    const peers = [{ call: () => Promise.reject(new Error('gone')) }];
    const slice = { folder, switchboard: { peers: () => peers } };
    const history = new History(slice as unknown as ConstructorParameters<typeof History>[0]);
    const read = history.readOld({ path, hash: hashOf(1), offset: 0, length: 1 }, true);
    await expect(read).rejects.toMatchObject({ code: 'not-found' });
  });
});
