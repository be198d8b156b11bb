import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digest, filesIn } from './contents.ts';
import { Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('a partition', lanMissing());

/** Two sides: alpha and bravo with a client on host 1, charlie with a client on host 3, who lost its cable. */
describe.skipIf(skipped)('a partition', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  /** Every content that was acknowledged, by path. */
  const acknowledged = new Map<string, string[]>();
  const SIDES = [
    { host: 1, side: 'left' },
    { host: 3, side: 'right' },
  ];

  const through = (host: number) => ['--peer', peers[host - 1]?.address ?? ''];
  const verb = (host: number, ...words: string[]) => lan.verb(host, [...words, ...through(host)]);
  const shown = async () => {
    const lists = await Promise.all([1, 2, 3].map((host) => verb(host, 'show').then((answer) => answer.value)));
    expect(lists[1]).toEqual(lists[0]);
    expect(lists[2]).toEqual(lists[0]);
    return new Map(lists[0].map((file: { path: string }) => [file.path, file])) as Map<string, Record<string, unknown>>;
  };
  const put = async (host: number, path: string, content: string, how: 'create' | 'upload') => {
    const local = join(lan.place(`local-${host}`), path);
    writeFileSync(local, content);
    const answer = await verb(host, ...(how === 'create' ? ['create', path, local] : ['upload', local]));
    expect(answer.code, answer.output + answer.error).toBe(0);
    acknowledged.set(path, [...(acknowledged.get(path) ?? []), content]);
    return answer;
  };

  beforeAll(async () => {
    lan = new Lan('part', 3);
    peers = await lan.peers(...['alpha', 'bravo', 'charlie'].map((name, index) => ({ host: index + 1, name })));
    await until('three linked', async () => {
      const { value } = await verb(1, 'peers');
      return value.filter((peer: { alive: boolean }) => peer.alive).length === 3;
    });
    for (const path of ['edited.txt', 'gone.txt', 'kept.txt']) {
      const local = join(lan.place('before'), path);
      writeFileSync(local, `${path} before`);
      // On all three, so that both sides can read and edit it.
      const answer = await verb(1, 'create', path, local);
      expect(answer.code, answer.output + answer.error).toBe(0);
    }
    const raised = await verb(1, 'set', 'replicas', '3');
    expect(raised.code, raised.output + raised.error).toBe(0);
    await until('all files on all peers', () => peers.every((peer) => filesIn(peer.folder).size === 3));
  });
  afterAll(() => lan?.close());

  it('lets both sides go on', async () => {
    lan.cut(3);
    await Promise.all([
      peers[0]?.event({ event: 'member-lost', peer: 'charlie' }),
      peers[2]?.event({ event: 'member-lost', peer: 'bravo' }),
    ]);
    await until('charlie is alone', async () => {
      const { value } = await verb(3, 'peers');
      return value.filter((peer: { alive: boolean }) => peer.alive).length === 1;
    });
    for (const { host, side } of SIDES) {
      await put(host, 'made.txt', `made on the ${side}`, 'create');
      await put(host, 'edited.txt', `edited on the ${side}`, 'upload');
      const alone = await put(host, `only-${side}.txt`, `only on the ${side}`, 'create');
      expect(alone.value.copies).toBe(side === 'left' ? 2 : 1);
    }
    const deleted = await verb(1, 'delete', 'gone.txt');
    expect(deleted.code, deleted.output + deleted.error).toBe(0);
    // An edit beside a delete survives it.
    const both = await verb(1, 'delete', 'kept.txt');
    expect(both.code, both.output + both.error).toBe(0);
    await put(3, 'kept.txt', 'edited while it was deleted', 'upload');
  });

  it('heals: nothing acknowledged is lost, conflicts are shown, the same on all', async () => {
    lan.mend(3);
    const files = await until(
      'one truth on all',
      async () => {
        const files = await shown().catch(() => undefined);
        const whole = files !== undefined && [...files.values()].every((file) => file.copies === 3 && file.available === true);
        return whole && files.has('only-left.txt') && files.has('only-right.txt') ? files : undefined;
      },
      60_000,
    );
    expect([...files.keys()].sort()).toEqual(['edited.txt', 'kept.txt', 'made.txt', 'only-left.txt', 'only-right.txt']);
    const inConflict = [...files.values()].filter((file) => file.conflict === true).map((file) => file.path);
    expect(inConflict.sort()).toEqual(['edited.txt', 'made.txt']);
    for (const [path, contents] of acknowledged) {
      const place = lan.place(`healed-${path}`);
      const answer = await verb(2, 'download', path, '--to', `${place}/`);
      expect(answer.code, answer.output + answer.error).toBe(contents.length > 1 ? 6 : 0);
      expect([...filesIn(place).values()].sort(), path).toEqual(contents.map(digest).sort());
    }
  });

  it('is ended by resolve, on all', async () => {
    const entry = (await shown()).get('made.txt') as { versions: { origin: string; version: string }[] };
    const refused = await verb(2, 'upload', join(lan.folder, 'local-1', 'made.txt'));
    expect(refused.code).toBe(6);
    const keep = entry.versions.find((version) => version.origin === 'charlie');
    const resolved = await verb(1, 'resolve', 'made.txt', '--keep', 'charlie');
    expect(resolved.code, resolved.output + resolved.error).toBe(0);
    expect(resolved.value.version).toBe(keep?.version);
    const both = await verb(3, 'resolve', 'edited.txt', '--keep-both');
    expect(both.code, both.output + both.error).toBe(0);
    const files = await until(
      'no conflict is left anywhere',
      async () => {
        const files = await shown().catch(() => undefined);
        const settled = files !== undefined && [...files.values()].every((file) => file.conflict === false && file.copies === 3);
        return settled ? files : undefined;
      },
      60_000,
    );
    const names = [...files.keys()].filter((path) => path.startsWith('edited'));
    expect(names).toHaveLength(2);
    const wanted = {
      'made.txt': ['made on the right'],
      edited: ['edited on the left', 'edited on the right'],
    };
    await until('the folders say the same', () => {
      const text = (peer: PeerProcess, name: string) => readFileSync(join(peer.folder, name), 'utf8');
      for (const peer of peers) {
        const found = { 'made.txt': [text(peer, 'made.txt')], edited: names.map((name) => text(peer, name)).sort() };
        if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${peer.name} has ${JSON.stringify(found)}`);
      }
      return true;
    });
    expect(readFileSync(join(peers[1]?.folder ?? '', 'kept.txt'), 'utf8')).toBe('edited while it was deleted');
  });
});
