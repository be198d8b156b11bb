import { expect, test } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { type PeerStatus, PeerTable } from '../../src/catalog/peer-table.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { type PathEvent, PathEvents } from '../../src/server/path-events.ts';

const [alpha, bravo] = ['a', 'b'] as unknown as [PeerId, PeerId];
const path = 'a.txt' as FilePath;

test('a content is told to be replicated once as many peers have it that believe their folders', () => {
  const peers = new PeerTable();
  const status = (id: PeerId, paused?: string) => ({ id, live: true, paused }) as PeerStatus;
  peers.set(status(alpha));
  peers.set(status(bravo, 'its folder is gone'));
  let look = (_paths: ReadonlySet<FilePath>): void => {};
  const catalog = {
    ...{ self: alpha, peers, wantedCopies: () => 2 },
    view: () => ({ path, contents: [{ hash: 'h', holders: [alpha, bravo] }], tombstones: [] }),
    onPaths: (listener: typeof look) => {
      look = listener;
    },
  } as unknown as Catalog;
  const told: PathEvent[] = [];
  new PathEvents(catalog, (event) => told.push(event));
  look(new Set([path]));
  expect(told).toEqual([{ event: 'stored', path, version: 'h' }]);
  peers.set(status(bravo));
  look(new Set([path]));
  expect(told.slice(1)).toEqual([{ event: 'replicated', path, version: 'h' }]);
});
