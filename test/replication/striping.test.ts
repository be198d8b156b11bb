import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import { Asking } from '../../src/replication/asking.ts';
import type { Standings } from '../../src/replication/standings.ts';
import { Striping } from '../../src/replication/striping.ts';
import { HandClock } from './hand-clock.ts';

type AskingSlice = ConstructorParameters<typeof Asking>[0];

const need = { path: 'film' as FilePath, hash: 'f'.repeat(64) as ContentHash };
const load = { bytes: 0, files: 0, capacity: 1e9, incomingBytes: 0, incomingFiles: 0 };

describe('placing runs', () => {
  it('comes to an end though a peer says it took them and never announces them', async () => {
    const clock = new HandClock();
    const shown = { own: { writer: 'a', counter: 1 } };
    const content = { hash: need.hash, size: 10_000_000, shown, versions: [shown], holders: ['alpha'], parts: new Map() };
    let asked = 0;
    const catalog = {
      self: 'alpha',
      view: () => ({ contents: [content] }),
      shownName: (peer: PeerId) => peer,
      peers: { reserve: () => ({ release: () => undefined }), get: () => ({ load }), reservedFor: () => load },
      heldBy: () => load,
    } as unknown as Catalog;
    const call = async () => {
      asked += 1;
      return { reply: {}, tail: new Uint8Array() };
    };
    const waiters = {
      until: (_path: FilePath, holds: () => boolean, ms: number) =>
        holds() ? Promise.resolve(true) : new Promise((resolve) => clock.after(ms, () => resolve(holds()))),
    };
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const asking = new Asking({
      clock,
      log,
      catalog,
      waiters,
      switchboard: { link: () => ({ call }) },
    } as unknown as AskingSlice);
    const striping = new Striping({
      clock,
      catalog,
      standings: { of: () => 'live' } as unknown as Standings,
      wanted: () => 2,
      bytesMin: 1,
      candidates: (_need, _content, _shortage, declined) =>
        ['bravo' as PeerId]
          .filter((id) => !declined.has(id))
          .map((id) => ({ id, name: id, load, hasBytes: false, heldBase: false })),
      fullPeers: () => new Map(),
      ask: (...args) => asking.ask(...args),
    });
    const placing = striping.place(need).then((declined) => [...declined]);
    await clock.pass(60_000);
    expect(asked).toBe(1);
    expect(await placing).toEqual([['bravo', 'timeout']]);
  });
});
