import { expect, test } from 'vitest';
import { ZipWriter, zipBytes } from '../../src/web/zip.ts';
import { namedApart, type Packing, pack } from '../../src/web/zip-routes.ts';
import type { Entry } from '../../src/wire/calls.ts';

/** The files of a folder without end; counts those that were asked for. */
async function* endless(seen: { asked: number }, copies: number): AsyncGenerator<Entry> {
  for (; ; seen.asked++) {
    const shownPath = `films/${seen.asked}.bin`;
    yield { path: shownPath, contents: [{ shownPath, size: 1, modified: 0, copies }] } as unknown as Entry;
  }
}

test.each([
  ['of files that are here', 1],
  ['of files none of whose holders is here', 0],
])('an archive %s is refused as soon as there are too many', async (_what, copies) => {
  const [seen, packing]: [{ asked: number }, Packing] = [{ asked: 0 }, { items: [], missing: [] }];
  await expect(pack(endless(seen, copies), 'films', packing)).rejects.toMatchObject({ status: 400 });
  expect(seen.asked).toBeLessThanOrEqual(20_000);
  expect(packing.items[0]?.name ?? packing.missing[0]).toBe('films/0.bin');
});

test('an archive has each file once, and none under the name of another', () => {
  const item = (whole: string, name: string) => ({ whole, name, size: 1, modifiedMs: 0 });
  const names = (...items: ReturnType<typeof item>[]) => namedApart(items).map(({ name }) => name);
  const plan = item('2026/plan.txt', 'plan.txt');
  expect(names(plan, item('2026/other.txt', 'other.txt'))).toEqual(['plan.txt', 'other.txt']);
  expect(names(plan, plan)).toEqual(['plan.txt']);
  expect(names(plan, item('2025/plan.txt', 'plan.txt'))).toEqual(['2026/plan.txt', '2025/plan.txt']);
});

/** The extended timestamp among extra fields: whether it tells a time, and which. */
function timeIn(extra: Buffer): [isTold: number, seconds: number] | undefined {
  for (let at = 0; at < extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 0x5455) return [extra.readUInt8(at + 4), extra.readInt32LE(at + 5)];
  }
  return undefined;
}

test.each([
  ['of an odd second', 1_700_000_001_999, [1, 1_700_000_001]],
  ['before 1970', -1, [1, -1]],
  ['beyond what the field takes', 2 ** 31 * 1000, [0, 0]],
])('an archive tells the moment a file was changed, whatever the zone it is opened in: %s', async (_what, modifiedMs, told) => {
  const file = { name: 'a.txt', size: 1, modifiedMs };
  const pieces: Uint8Array[] = [];
  const zip = new ZipWriter(async (bytes) => void pieces.push(bytes));
  await zip.begin(file);
  await zip.write(Buffer.from('a'));
  await zip.end();
  await zip.finish();
  const archive = Buffer.concat(pieces);
  expect(archive.length).toBe(zipBytes([file]));
  const table = Number(archive.readBigUInt64LE(archive.length - 98 + 48));
  // Head and row have their lengths elsewhere, and behind them the name and the fields.
  for (const [at, lengths, bytes] of [
    [0, 26, 30],
    [table, 28, 46],
  ] as const) {
    const from = at + bytes + archive.readUInt16LE(at + lengths);
    expect(timeIn(archive.subarray(from, from + archive.readUInt16LE(at + lengths + 2)))).toEqual(told);
  }
});
