import { expect, test } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Delta } from '../../src/catalog/index-copy.ts';
import { packVersion } from '../../src/catalog/packed-version.ts';
import type { PeerId, WriterId } from '../../src/core/ids.ts';
import { makeVersion } from '../../src/core/version.ts';
import { Intake } from '../../src/gossip/intake.ts';
import { indexesToTell } from '../../src/gossip/telling.ts';
import { CALLS } from '../../src/wire/calls.ts';
import type { Link } from '../../src/wire/link.ts';
import { MemoryStore, StoreDisk } from '../catalog/memory-store.ts';
import { fileDraft, openCatalog, path, peerNamed } from '../catalog/mesh-of-catalogs.ts';
import { HandClock } from '../replication/hand-clock.ts';

const owner = peerNamed('owner');
const from = (peer: PeerId) => ({ peer, open: true }) as unknown as Link;

/** Records of one history of an index, `after` < sequence ≤ `upTo`. */
function delta(index: PeerId, history: string, after: number, upTo: number, more: Partial<Delta> = {}): Delta {
  const writer = history.repeat(8) as WriterId;
  const records = Array.from({ length: upTo - after }, (_, count) => {
    const counter = after + count + 1;
    const version = makeVersion(fileDraft(index, `${history} ${counter}`), [], { writer, counter }, []);
    return { sequence: counter, path: path(`file ${counter}`), packed: packVersion(version), holding: 'all' as const };
  });
  return { index, trail: [{ writer, first: 1 }], after, upTo, whole: false, last: true, records, ...more };
}

async function story(): Promise<{ clock: HandClock; catalog: Catalog; intake: Intake }> {
  const clock = new HandClock();
  const catalog = await openCatalog(peerNamed('self'), new MemoryStore(new StoreDisk()), 1, clock);
  return { clock, catalog, intake: new Intake({ catalog, clock }) };
}

const first = delta(owner, 'cd', 0, 5, { whole: true, last: false });
const second = delta(owner, 'cd', 5, 9, { whole: true, last: true });

test('a whole index is taken piece by piece', async () => {
  const { intake, catalog } = await story();
  const link = from(owner);
  expect(await intake.take(delta(owner, 'ab', 0, 3), link)).toBe(true);
  expect(await intake.take(first, link)).toBe(true);
  expect(await intake.take(second, link)).toBe(true);
  expect(catalog.index(owner)?.sequence).toBe(9);
});

test('its pieces are forgotten with the link that told them', async () => {
  const { intake } = await story();
  const link = from(owner);
  await intake.take(delta(owner, 'ab', 0, 3), link);
  await intake.take(first, link);
  intake.linkDown(link);
  expect(await intake.take(second, from(owner))).toBe(false);
});

test('its pieces are forgotten when no more of them come', async () => {
  const { clock, intake } = await story();
  const link = from(owner);
  await intake.take(delta(owner, 'ab', 0, 3), link);
  await intake.take(first, link);
  await clock.pass(20_000);
  intake.forgetOld();
  await clock.pass(60_000);
  intake.forgetOld();
  expect(await intake.take(second, link)).toBe(false);
});

test('indexes of peers that never linked here leave room for those that do', async () => {
  const { intake, catalog } = await story();
  const invented = Array.from({ length: 1_000 }, (_, count) => peerNamed(`invented ${count}`));
  await catalog.adopt(invented.map((id) => ({ kind: 'member', id, role: 'peer', name: id.slice(0, 4), generation: 0 })));
  let taken = 0;
  for (const index of invented) if (await intake.take(delta(index, 'ab', 0, 1), from(owner))) taken++;
  expect(taken).toBeGreaterThan(500);
  expect(taken).toBeLessThan(1_000);
  const newcomer = peerNamed('newcomer');
  expect(await intake.take(delta(newcomer, 'ab', 0, 1), from(newcomer))).toBe(true);
  expect(await intake.take(delta(newcomer, 'ab', 1, 2), from(owner))).toBe(true);
});

test('as many indexes as are taken can be told to others in one message', async () => {
  const { intake, catalog } = await story();
  let refused = 0;
  for (let count = 0; count < 1_005; count++) {
    const index = peerNamed(`linked ${count}`);
    await intake.take(delta(index, 'ab', 0, 1, { records: [] }), from(index)).catch((thrown: unknown) => {
      expect(thrown).toMatchObject({ code: 'full' });
      refused++;
    });
  }
  const indexes = indexesToTell(catalog);
  expect(indexes).toHaveLength(1_006 - refused);
  expect(CALLS.cursors.ask.safeParse({ indexes }).error).toBeUndefined();
});

/** The delta, in its last version a number where a yes or no is to be: a lenient reader of MessagePack would take it. */
function malformed(told: Delta): Delta {
  const last = told.records.length - 1;
  const records = told.records.map((one, at) =>
    at === last ? { ...one, packed: `${one.packed.slice(0, -1)}\x01` as typeof one.packed } : one,
  );
  return { ...told, records };
}

test.each([
  ['more of an index', delta(owner, 'ab', 3, 6)],
  ['a piece of a whole one', delta(owner, 'cd', 0, 6, { whole: true, last: false })],
  ['a whole one', delta(owner, 'cd', 0, 6, { whole: true })],
])('%s with one malformed version is refused with `protocol`, and nothing of it is kept', async (_, told) => {
  const { intake, catalog } = await story();
  const link = from(owner);
  expect(await intake.take(delta(owner, 'ab', 0, 3), link)).toBe(true);
  await expect(intake.take(malformed(told), link)).rejects.toMatchObject({ code: 'protocol' });
  expect(catalog.index(owner)).toMatchObject({ sequence: 3, trail: [{ writer: 'ab'.repeat(8) }] });
  expect(catalog.view(path('file 5'))).toBeUndefined();
  // What is right is taken after it.
  expect(await intake.take(told, link)).toBe(true);
});
