import { beforeEach, describe, expect, test } from 'vitest';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import type { ScriptedMesh, ScriptedPeer } from './scripted-peer.ts';
import { bytesOf, codeOf, openBench, options, path, type VerbBench } from './verb-bench.ts';

let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let session: VerbBench['session'];
let settle: VerbBench['settle'];

beforeEach(async () => {
  ({ mesh, alpha, bravo, session, settle } = await openBench());
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
    await settle(resolve(session, path, undefined, options));
    expect(mesh.asked.map(({ ask }) => ask.change.kind)).toEqual(['resolve', 'resolve-both']);
  });
});
