import { expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { PATH_RECORDS_MAX } from '../../src/catalog/index-copy.ts';
import { packVersion } from '../../src/catalog/packed-version.ts';
import type { PeerStatus } from '../../src/catalog/peer-table.ts';
import { readTold } from '../../src/catalog/told-version.ts';
import type { RequestId, VersionKey, WriterId } from '../../src/core/ids.ts';
import { isBefore, isSameVersion, makeVersion, type Version, versionKey } from '../../src/core/version.ts';
import { Claims } from '../../src/server/claims.ts';
import { Planner } from '../../src/server/plans.ts';
import { ENTRY_BASE_MAX } from '../../src/wire/calls.ts';
import { fileDraft, mint, path, peerNamed, restart, startOn, syncIndex } from './mesh-of-catalogs.ts';

const a = path('a');
const liar = peerNamed('bravo');

/** Versions beside each other, each of a writer of its own. */
function siblings(history: string, count: number): Version[] {
  return Array.from({ length: count }, (_, at) => {
    const writer = peerNamed(`${history} ${at}`).slice(0, 16) as WriterId;
    return makeVersion(fileDraft(liar, `${history} ${at}`), [], { writer, counter: 1 }, []);
  });
}

/** Tells them as an index, all its history, in pieces. */
async function tell(catalog: Catalog, history: string, versions: readonly Version[], index = liar): Promise<void> {
  const writer = peerNamed(history).slice(0, 16) as WriterId;
  const isWhole = catalog.index(index) !== undefined;
  for (let after = 0; after < versions.length; ) {
    const upTo = Math.min(versions.length, after + 100);
    const records = versions.slice(after, upTo).map((version, at) => {
      return { sequence: after + at + 1, path: a, packed: packVersion(version), holding: 'all' as const };
    });
    const last = upTo === versions.length;
    const delta = { index, trail: [{ writer, first: 1 }], after, upTo, whole: isWhole, last, records };
    expect(await catalog.take(delta, true)).toBe(true);
    after = upTo;
  }
}

const said = (catalog: Catalog) => catalog.records(a).filter(({ peer }) => peer === liar);

it('of an index that tells more versions of one path than peers can make only the last ones are kept, after a restart too', async () => {
  const opened = await startOn(peerNamed('alpha'), 1);
  await mint(opened.catalog, a, 'mine');
  const told = siblings('one', 500);
  await tell(opened.catalog, 'one', told);
  const kept = said(opened.catalog).map(({ version }) => version);
  expect(kept).toEqual(told.slice(-PATH_RECORDS_MAX));
  expect(opened.catalog.view(a)?.contents).toHaveLength(PATH_RECORDS_MAX + 1);
  expect(opened.catalog.index(liar)?.sequence).toBe(500);
  const { catalog } = await restart(opened, 2);
  expect(said(catalog)).toHaveLength(PATH_RECORDS_MAX);
  const page = await catalog.read(liar, 0, 1_000);
  expect(page.records).toHaveLength(PATH_RECORDS_MAX);
});

it('an index that is another each time does not fill the own one with what it said before', async () => {
  const { catalog } = await startOn(peerNamed('alpha'), 1);
  for (const history of ['one', 'two', 'three', 'four']) await tell(catalog, history, siblings(history, 100));
  expect(said(catalog)).toHaveLength(PATH_RECORDS_MAX);
  expect(catalog.own(a)).toHaveLength(PATH_RECORDS_MAX / 2);
  // What replaces them all is handed on like any other.
  const all = catalog.own(a).map(({ version }) => version);
  const grave = makeVersion(
    { kind: 'tombstone', buried: [], origin: liar, modifiedMs: 1 },
    all,
    { writer: 'ab'.repeat(8) as WriterId, counter: 1 },
    all,
  );
  await tell(catalog, 'five', [grave]);
  await tell(catalog, 'six', siblings('six', 1));
  expect(catalog.own(a).map(({ version }) => version)).toEqual([grave]);
});

it('what a peer makes beside all that was handed on to it is read by others', async () => {
  const { catalog } = await startOn(peerNamed('alpha'), 1);
  for (const history of ['one', 'two']) await tell(catalog, history, siblings(history, 100));
  const mine = await catalog.change([a], (tx) => tx.mint(a, fileDraft(catalog.self, 'mine'), [], 'all'));
  const { catalog: reader } = await startOn(peerNamed('delta'), 3);
  expect(await syncIndex(catalog, reader, catalog.self)).toBe(true);
  expect(reader.records(a).some(({ version, holding }) => isSameVersion(version, mine) && holding === 'all')).toBe(true);
});

it('what is made over all of them is a version that others take, and covers what it was made from first', async () => {
  const { catalog } = await startOn(peerNamed('alpha'), 1);
  const mine = await mint(catalog, a, 'mine');
  await tell(catalog, 'one', siblings('one', 64));
  await tell(catalog, 'two', siblings('two', 64));
  await tell(catalog, 'three', siblings('three', 64), peerNamed('charlie'));
  const others = (catalog.view(a)?.known ?? []).map((one) => one.version).filter((version) => !isSameVersion(version, mine));
  const next = await catalog.change([a], (tx) => tx.mint(a, fileDraft(catalog.self, 'next'), [mine, ...others], 'all'));
  expect(readTold(packVersion(next))).toEqual(next);
  expect(isBefore(mine, next)).toBe(true);
  expect(catalog.own(a).some(({ version }) => isSameVersion(version, mine))).toBe(false);
});

it('a delete that follows all that an entry tells of is taken, however many more there are', async () => {
  const { catalog } = await startOn(peerNamed('alpha'), 1);
  for (const name of ['one', 'two', 'three']) await tell(catalog, name, siblings(name, 64), peerNamed(`bravo ${name}`));
  const keys = (catalog.view(a)?.known ?? []).map((one) => versionKey(one.version));
  expect(keys).toHaveLength(192);
  const request = 'ab'.repeat(16) as RequestId;
  const planned = (base: VersionKey[]) => {
    const ask = { request, change: { kind: 'delete', path: a } as const, base, hops: 1 };
    return new Planner(catalog).plan(ask);
  };
  expect(planned(keys.slice(0, ENTRY_BASE_MAX)).steps).toHaveLength(1);
  expect(() => planned(keys.slice(1, ENTRY_BASE_MAX))).toThrow('changed meanwhile');
  // The owner of the name says the same.
  catalog.peers.set({ id: catalog.self, live: true, caughtUp: true } as PeerStatus);
  const claims = new Claims({ catalog } as unknown as ConstructorParameters<typeof Claims>[0]);
  const granted = (base: VersionKey[]) => claims.grant({ request, path: a, base, fresh: false }, undefined);
  expect(() => granted(keys.slice(1, ENTRY_BASE_MAX))).toThrow('changed meanwhile');
  expect(() => granted(keys.slice(0, ENTRY_BASE_MAX))).not.toThrow();
});
