import { beforeEach, describe, expect, test } from 'vitest';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import { historiesOf, restore } from '../../src/client/verbs/history.ts';
import { removePeer, resume } from '../../src/client/verbs/mesh.ts';
import { MeshError } from '../../src/core/errors.ts';
import { hashOf, type ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';
import { bytesOf, codeOf, openBench, options, path, type VerbBench } from './verb-bench.ts';

let bench: VerbBench;
let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let charlie: ScriptedPeer;
let session: VerbBench['session'];
let settle: VerbBench['settle'];

beforeEach(async () => {
  bench = await openBench();
  ({ mesh, alpha, bravo, charlie, session, settle } = bench);
});

describe('changes without bytes', () => {
  test('a delete is carried out once when the peer dies before telling', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    alpha.script.change = (ask) => {
      alpha.makeChange(ask);
      alpha.kill();
      return new Promise(() => {});
    };
    await settle(remove(session, path, options));
    expect(mesh.made.size).toBe(1);
    expect(mesh.asked).toHaveLength(1);
  });

  test('a rename follows the redirect to a holder, and counts the hop', async () => {
    mesh.put(path, bytesOf(3), 'bravo');
    alpha.script.change = () => Promise.resolve({ done: [], redirect: mesh.holders('bravo') });
    const results = await settle(rename(session, path, 'new/', options));
    expect(results[0]?.path).toBe(`new/${path}`);
    expect(mesh.asked.map(({ peer, ask }) => [peer, ask.hops])).toEqual([['bravo', 1]]);
  });

  test('after two hops, or out of reach, the own peer does it', async () => {
    mesh.put(path, bytesOf(3), 'bravo');
    bravo.kill();
    alpha.script.change = ({ hops }) => (hops < 2 ? Promise.resolve({ done: [], redirect: mesh.holders('bravo') }) : undefined);
    await settle(rename(session, path, 'new', options));
    expect(mesh.asked.map(({ peer, ask }) => [peer, ask.hops])).toEqual([['alpha', 2]]);
  });

  test('a folder is renamed file by file, a file in conflict is not', async () => {
    for (const name of ['docs/a', 'docs/b/c']) mesh.put(name, bytesOf(3), 'alpha');
    const results = await settle(rename(session, 'docs', 'papers', options));
    expect(results.map((one) => one.path)).toEqual(['papers/a', 'papers/b/c']);
    mesh.put(path, bytesOf(3), 'alpha');
    mesh.put(path, bytesOf(4), 'bravo');
    expect(await settle(codeOf(rename(session, path, 'x', options)))).toBe('conflict');
  });

  test('resolve takes an origin that is shown, and refuses another, naming them', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    mesh.put(path, bytesOf(4), 'bravo');
    await expect(settle(resolve(session, path, 'delta', options))).rejects.toThrow(/alpha, bravo/);
    await settle(resolve(session, path, 'bravo', options));
    await settle(resolve(session, path, alpha.node.id, options));
    await settle(resolve(session, path, undefined, options));
    expect(mesh.asked.map(({ ask }) => ask.change.kind)).toEqual(['resolve', 'resolve', 'resolve-both']);
    expect(mesh.asked.slice(0, 2).map(({ ask }) => (ask.change as { keep?: string }).keep)).toEqual(['bravo', 'alpha']);
  });

  test('the history of a folder is that of its files, and of nothing is not found', async () => {
    for (const name of ['docs/b', 'docs/a', 'docsx']) mesh.put(name, bytesOf(3), 'alpha');
    const copy = { copy: 'c', hash: hashOf(bytesOf(3)), size: 3, modified: 1, mode: 0o644, origin: 'alpha', peers: ['alpha'] };
    alpha.script.history = (ask) => Promise.resolve({ copies: mesh.files.has(ask.path) ? [{ ...copy, current: true }] : [] });
    const paths = async (name: string) => (await settle(historiesOf(session, name, options))).map((one) => one.path);
    expect(await paths('docs/')).toEqual(['docs/a', 'docs/b']);
    expect(await paths('docsx')).toEqual(['docsx']);
    expect(await settle(codeOf(historiesOf(session, 'none', options)))).toBe('not-found');
  });

  test('what was deleted in conflict is brought back one by one, and the rest is named', async () => {
    const copyOf = (digit: string, origin: string) => {
      const hash = digit.repeat(64) as ReturnType<typeof hashOf>;
      return { copy: hash, hash, size: 3, modified: 1, mode: 0o644, origin, peers: [origin], current: false };
    };
    const [one, other, before] = [copyOf('c', 'alpha'), copyOf('d', 'bravo'), copyOf('e', 'alpha')];
    const deleted = true as const;
    let copies: (typeof one & { deleted?: true })[] = [{ ...one, deleted }, { ...other, deleted }, before];
    for (const peer of [alpha, bravo, charlie]) peer.script.history = () => Promise.resolve({ copies });
    const note = async (version?: string) => (await settle(restore(session, path, version, options)))[0]?.note;
    expect(await note()).toContain(
      `other contents too: dddddddddddd of bravo; filemesh restore ${JSON.stringify(path)} --version ID takes`,
    );
    expect(mesh.asked.at(-1)?.ask.change).toMatchObject({ kind: 'restore', copy: one.copy });
    expect(await note('dddd')).toBeUndefined();
    copies = [{ ...one, deleted }, before];
    expect(await note()).toBeUndefined();
  });

  test('a peer is removed by another one, once, whichever the session goes through', async () => {
    const answer = { removed: true, onlyThere: [], more: 0 };
    const removing: string[] = [];
    for (const peer of [alpha, bravo, charlie]) {
      peer.script.remove = () => {
        removing.push(peer.node.name);
        return Promise.resolve(answer);
      };
    }
    await settle(session.call('peers', {}));
    expect(session.peer).toBe(alpha.node.id);
    expect(await settle(removePeer(session, 'alpha', true, options))).toEqual({ id: alpha.node.id, peer: 'alpha', ...answer });
    expect(removing).toHaveLength(1);
    expect(removing).not.toContain('alpha');
    for (const peer of [bravo, charlie]) peer.kill();
    const error = await settle(removePeer(session, 'alpha', true, options).catch((thrown: MeshError) => thrown));
    expect(error).toMatchObject({ code: 'gone', message: expect.stringMatching(/^only alpha itself answers/) });
  });

  test('a removal whose answer was lost is not done again to the next peer that bears the name', async () => {
    const removed: string[] = [];
    for (const peer of [alpha, bravo, charlie]) {
      peer.script.remove = (ask) => {
        removed.push(ask.peer);
        return Promise.reject(new MeshError('closed', 'the link ended'));
      };
      // Two machines share a name: the later one is shown with a number while both are members.
      peer.script.peers = () => {
        const rest = peer.peersReply().peers.filter((one) => !removed.includes(one.id));
        const named = (id: string) => (id === bravo.node.id ? 'box' : removed.length === 0 ? 'box-2' : 'box');
        return Promise.resolve({ peers: rest.map((one) => (one.name === 'alpha' ? one : { ...one, name: named(one.id) })) });
      };
    }
    expect(await settle(removePeer(session, 'box', true, options))).toMatchObject({ peer: 'box', removed: true });
    expect(removed).toEqual([bravo.node.id]);
  });

  test('a removal whose answer was lost is done also where the link of the one removed still lives', async () => {
    const answers = [new MeshError('closed', 'the link ended'), new MeshError('not-found', 'no such member')];
    for (const peer of [alpha, bravo, charlie]) peer.script.remove = () => Promise.reject(answers.shift());
    const { id } = bravo.node;
    expect(await settle(removePeer(session, 'bravo', true, options))).toEqual({
      id,
      peer: 'bravo',
      removed: true,
      onlyThere: [],
      more: 0,
    });
    answers.push(new MeshError('not-found', 'no such member'));
    expect(await settle(codeOf(removePeer(session, 'bravo', true, options)))).toBe('not-found');
  });

  test('a resume whose answer was lost is done when its peer goes on, and has long to scan', async () => {
    let isPaused = true;
    for (const peer of [alpha, bravo])
      peer.script.peers = () => {
        const { peers } = peer.peersReply();
        return Promise.resolve({
          peers: peers.map((one) => (isPaused && one.id === bravo.node.id ? { ...one, paused: 'no marker' } : one)),
        });
      };
    bravo.script.resume = () =>
      new Promise((_resolve, reject) => {
        bench.world.scheduler.outside.after(120_000, () => {
          isPaused = false;
          reject(new MeshError('closed', 'the link ended'));
        });
      });
    expect(await settle(resume(session, 'restore', options))).toBe('bravo');
    expect(bravo.count('resume')).toBe(1);
    expect(await settle(resume(session, 'restore', options))).toBeUndefined();
  });
});
