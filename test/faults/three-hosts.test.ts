import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesIn, contentOf, contentsUpTo, digest, filesIn } from './contents.ts';
import { isTrial, Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('three hosts and a client', lanMissing());
const FILES = isTrial ? 200 : 60;
const LARGEST_BYTES = (isTrial ? 64 : 8) * 1024 * 1024;
const LIMIT_MS = isTrial ? 1_200_000 : 300_000;
const CLIENT = 4;
/** Names that are no trouble, one of each kind that could be. */
const NAMES = [
  'plain.txt',
  'with space.txt',
  'häßlich ñ.md',
  '😀 smile.bin',
  `${'n'.repeat(250)}.long`,
  'deep/er/and/deeper.txt',
  '-dash',
  'UPPER',
];

describe.skipIf(skipped)('three hosts, and a client on a fourth', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  const dropped = new Map<string, string>();

  const show = (peer: PeerProcess) => lan.verb(CLIENT, ['show', '--peer', peer.address]).then((answer) => answer.value);
  /** What all peers list, once they agree. */
  const sameList = () =>
    until('the same list from all', async () => {
      const [list, ...others] = (await Promise.all(peers.map(show))) as { path: string; copies: number; available: boolean }[][];
      return others.every((other) => JSON.stringify(other) === JSON.stringify(list)) && list;
    });
  const holdersOf = (path: string) => peers.filter((peer) => existsSync(join(peer.folder, path)));
  const everyHolderHas = (path: string, content: string) =>
    until(`${path} on two peers`, () => {
      const holders = holdersOf(path);
      return holders.length === 2 && holders.every((peer) => contentOf(join(peer.folder, path)) === digest(content));
    });

  beforeAll(async () => {
    lan = new Lan('three', CLIENT);
    const words = ['--settle', '0.1', '--capacity', '100GiB'];
    const wish = (name: string, index: number) => ({ host: index + 1, name, words });
    peers = await lan.peers(...['alpha', 'bravo', 'charlie'].map(wish));
    await until('three linked', async () => {
      const { value } = await lan.verb(CLIENT, ['peers', '--peer', peers[0]?.address ?? '']);
      return value.filter((peer: { alive: boolean }) => peer.alive).length === 3;
    });
  });
  afterAll(() => lan?.close());

  it(
    'keeps every file dropped on exactly two peers, the loads even',
    async () => {
      for (const [index, content] of contentsUpTo(LARGEST_BYTES, FILES).entries()) {
        const name = NAMES[index] ?? `file-${index}.bin`;
        const peer = peers[index % 3] as PeerProcess;
        dropInto(peer, name, content);
        dropped.set(name, digest(content));
        await peer.event({ event: 'replicated', path: name }, 60_000);
      }
      for (const [path, content] of dropped) {
        const holders = holdersOf(path);
        expect(
          holders.map((peer) => peer.name),
          path,
        ).toHaveLength(2);
        for (const peer of holders) expect(contentOf(join(peer.folder, path))).toBe(content);
      }
      const loads = peers.map((peer) => bytesIn(peer.folder));
      expect(Math.max(...loads) - Math.min(...loads), loads.join()).toBeLessThanOrEqual(2 * LARGEST_BYTES);
    },
    LIMIT_MS,
  );

  it('shows the same from every peer', async () => {
    const list = await sameList();
    expect(list.map((file) => file.path).sort()).toEqual([...dropped.keys()].sort());
    expect(list.every((file) => file.copies === 2 && file.available)).toBe(true);
  });

  it.each([0, 1, 2])(
    'downloads every file byte for byte through peer %s',
    async (index) => {
      const place = lan.place(`all-${index}`);
      const answer = await lan.verb(CLIENT, ['download', '**', '--to', place, '--peer', peers[index]?.address ?? '']);
      expect(answer.code, answer.error + answer.output.slice(0, 500)).toBe(0);
      // A pattern saves under the last component of each name.
      const wanted = [...dropped].map(([path, content]) => [path.split('/').at(-1), content]).sort();
      expect([...filesIn(place)].sort()).toEqual(wanted);
    },
    LIMIT_MS,
  );

  it('brings an edit in a folder to every holder', async () => {
    const [holder] = holdersOf('plain.txt');
    writeFileSync(join(holder?.folder ?? '', 'plain.txt'), 'edited in a folder');
    await everyHolderHas('plain.txt', 'edited in a folder');
  });

  it('brings an edit and an upload by a client to every holder', async () => {
    const before = holdersOf('with space.txt').map((peer) => peer.name);
    const local = join(lan.place('local'), 'with space.txt');
    writeFileSync(local, 'the next version');
    const stored = await lan.verb(CLIENT, ['upload', local]);
    expect(stored.code, stored.output + stored.error).toBe(0);
    expect(stored.value).toMatchObject({ path: 'with space.txt', copies: 2, wanted: 2 });
    await everyHolderHas('with space.txt', 'the next version');
    expect(holdersOf('with space.txt').map((peer) => peer.name)).toEqual(before);
    const edited = await lan.verb(CLIENT, ['edit', 'with space.txt'], { env: { EDITOR: 'sed -i s/next/last/', VISUAL: '' } });
    expect(edited.code, edited.output + edited.error).toBe(0);
    await everyHolderHas('with space.txt', 'the last version');
  });

  it('renames at every holder', async () => {
    const content = dropped.get('😀 smile.bin');
    const renamed = await lan.verb(CLIENT, ['rename', '😀 smile.bin', 'faces/sad ☹.bin']);
    expect(renamed.code, renamed.output + renamed.error).toBe(0);
    await until('the new name on two peers, the old on none', () => {
      const holders = holdersOf('faces/sad ☹.bin');
      const right = holders.every((peer) => contentOf(join(peer.folder, 'faces/sad ☹.bin')) === content);
      return right && holders.length === 2 && holdersOf('😀 smile.bin').length === 0;
    });
  });

  it('deletes at every holder, and nothing else', async () => {
    const deleted = await lan.verb(CLIENT, ['delete', '--', '-dash']);
    expect(deleted.code, deleted.output + deleted.error).toBe(0);
    await until('no copy is left', () => holdersOf('-dash').length === 0);
    for (const path of dropped.keys()) {
      if (path !== '-dash' && path !== '😀 smile.bin') expect(holdersOf(path), path).toHaveLength(2);
    }
    expect(await sameList()).toHaveLength(dropped.size - 1);
  });
});

/** Writes a file as a user does: in one go, parents made. */
function dropInto(peer: PeerProcess, name: string, content: Buffer): void {
  const file = join(peer.folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
