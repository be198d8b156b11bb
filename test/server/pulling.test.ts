import { describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { FilePath, RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { NodeClock } from '../../src/platform/node/node-clock.ts';
import { History } from '../../src/server/history.ts';
import { type OldContent, Pulling } from '../../src/server/pulling.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

const TEXT = 'bytes of which one bit will turn';

/** One peer has no copy, and carries a rename out all the same: it must fetch the content. `rot`: how many holders have it wrong. */
async function renamedElsewhere(seed: string, rot: number) {
  const { mesh, sessions } = await startStory(seed, { clients: 1 });
  const [session] = sessions;
  if (session === undefined) throw new Error('a client');
  await mesh.settle(createText(session, 'old', TEXT));
  const entry = await mesh.settle(seen(session, 'old'));
  const holders = mesh.peers.filter(({ node }) => entry?.contents[0]?.holders.some(({ id }) => id === node.id));
  const other = mesh.peers.find((peer) => !holders.includes(peer));
  if (entry === undefined || other === undefined || holders.length !== 2) throw new Error('two of three hold it');
  for (const { node } of holders.slice(0, rot)) node.drive.rot('old');
  const asked = mesh.settle(
    session.attempt(async () => {
      const link = await session.linkTo({ id: other.node.id, name: other.name, live: true, address: other.address });
      if (link === undefined) throw new Error('no link to that peer');
      const change = { kind: 'rename', path: checkPath('old'), to: checkPath('new') } as const;
      return await link.call('change', { request: session.newRequest(), change, base: entry.base, hops: 2 });
    }),
  );
  return { mesh, session, asked, hash: entry.contents[0]?.hash };
}

describe('a change carried out by a peer that must fetch the content first', () => {
  it('states the content that was meant, though a holder gives wrong bytes', async () => {
    for (const seed of ['one', 'two', 'three', 'four']) {
      const { mesh, session, asked, hash } = await renamedElsewhere(`a rotten one of two, ${seed}`, 1);
      await asked;
      expect((await mesh.settle(seen(session, 'new')))?.contents.map((one) => one.hash)).toEqual([hash]);
    }
  });

  it('is refused when no holder has right bytes, and the old name stays', async () => {
    const { mesh, session, asked } = await renamedElsewhere('both rotten', 2);
    expect(await codeOf(asked)).toBe('unavailable');
    expect((await mesh.settle(listed(session))).map((one) => one.path)).toEqual(['old']);
  });
});

describe('an older content that is brought back', () => {
  /** Of a name whose older content lies here, and is bad; others tell of it as `elsewhere` says. */
  function brought(elsewhere: object): Promise<OldContent> {
    const [path, hash] = ['a' as FilePath, 'f'.repeat(64)];
    const one = { copy: hash, hash, size: 1, mode: 0o644, peers: ['alpha'], ...elsewhere };
    const slice = {
      folder: {
        oldCopies: async () => [{ copy: hash, hash, size: 1, mode: 0o644 }],
        restoring: { stage: () => Promise.reject(new MeshError('corrupt', 'the older content of a is bad')) },
      },
      history: { of: async () => ({ copies: [one] }) },
      switchboard: { peers: () => [] },
    };
    return new Pulling(slice as unknown as ConstructorParameters<typeof Pulling>[0]).old(path, hash, 'e'.repeat(32) as RequestId);
  }

  it('comes from others where the copy here is bad', async () => {
    const facts = { manifest: 'd'.repeat(64), runs: '1'.padStart(16, '0') };
    expect(await brought(facts)).toMatchObject({ facts: { size: 1, manifest: { hash: facts.manifest } } });
  });

  it('is told not to be had where nobody else has it, or not all of its runs', async () => {
    expect(await codeOf(brought({}))).toBe('unavailable');
    const facts = { size: 4, manifest: 'd'.repeat(64) };
    expect(await codeOf(brought({ ...facts, runs: '7'.padStart(16, '0') }))).toBe('unavailable');
    expect(await brought({ ...facts, runs: 'f'.padStart(16, '0') })).toMatchObject({ facts: { size: 4 } });
  });

  const gone = () => Promise.reject(new MeshError('gone', 'it is not kept here'));

  /** Three of its four runs are at bravo; charlie says it has all of it. */
  async function broughtFrom(charlie: () => Promise<unknown>) {
    const [path, hash] = ['a' as FilePath, 'f'.repeat(64)];
    const one = { copy: hash, hash, size: 4, modified: 1, mode: 0o644, origin: 'bravo', current: false };
    const told = (peer: string, kept: object) => ({ reply: { copies: [{ ...one, peers: [peer], ...kept }] } });
    const runs = { manifest: 'd'.repeat(64), runs: '7'.padStart(16, '0') };
    const link = (peer: string, kept: object, read: () => Promise<unknown>) => ({
      peer,
      open: true,
      call: async (call: string) => (call === 'history' ? told(peer, kept) : await read()),
    });
    const links = [link('bravo', runs, gone), link('charlie', {}, charlie)];
    const staging = { write: async () => {}, digest: async () => ({ hash, size: 4 }), discard: async () => {} };
    const catalog = { self: 'alpha', view: () => undefined, shownName: (peer: string) => peer };
    const folder = { oldCopies: async () => [], stage: async () => staging };
    const switchboard = { peers: () => links, link: (peer: string) => links.find((one) => one.peer === peer), limits: {} };
    const parts = { clock: new NodeClock(), catalog, folder, switchboard };
    const history = new History(parts as unknown as ConstructorParameters<typeof History>[0]);
    const slice = { ...parts, history } as unknown as ConstructorParameters<typeof Pulling>[0];
    return { staging, old: new Pulling(slice).old(path, hash, 'e'.repeat(32) as RequestId) };
  }

  it('comes whole from who keeps it whole, where runs alone are not all there', async () => {
    const { staging, old } = await broughtFrom(async () => ({ reply: { size: 4 }, tail: new Uint8Array(4) }));
    expect(await old).toEqual({ staging, mode: 0o644 });
  });

  it('replaces nothing by the word alone of a peer that keeps it whole', async () => {
    const { old } = await broughtFrom(gone);
    expect(await codeOf(old)).toBe('unavailable');
  });
});
