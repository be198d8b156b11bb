import { expect, it } from 'vitest';
import type { Screen } from '../../src/cli/screen.ts';
import type { VerbContext } from '../../src/cli/verb.ts';
import { removeVerb } from '../../src/cli/verbs/mesh.ts';
import type { FilePath } from '../../src/core/ids.ts';
import { openBench, options } from '../client/verb-bench.ts';

it('cuts off whom the person was told of, whoever bears that name when they answer', async () => {
  const { alpha, bravo, charlie, session, settle } = await openBench();
  let box = bravo.node.id;
  const cut: string[] = [];
  for (const peer of [alpha, bravo, charlie]) {
    const nameOf = (id: string) => (id === box ? 'box' : id.slice(0, 8));
    peer.script.peers = () =>
      Promise.resolve({ peers: peer.peersReply().peers.map((one) => ({ ...one, name: nameOf(one.id) })) });
    peer.script.remove = async (ask) => {
      if (ask.confirm) cut.push(ask.peer);
      return { removed: ask.confirm, onlyThere: ['notes.txt' as FilePath], more: 0 };
    };
  }
  const values: unknown[] = [];
  const screen = { note: () => {}, value: (value: unknown) => values.push(value) } as unknown as Screen;
  const ask = async () => {
    box = charlie.node.id;
    return 'yes';
  };
  const context = { session, screen, json: true, options, inShell: true, ask, quiet: () => {} } as unknown as VerbContext;
  await settle(removeVerb.run(context, { words: ['box'], options: new Map() } as never));
  expect(cut).toEqual([bravo.node.id]);
  expect(values).toEqual([{ peer: bravo.node.id.slice(0, 8), removed: true, onlyThere: ['notes.txt'], more: 0 }]);
});
