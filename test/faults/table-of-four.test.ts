import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('the table of four', lanMissing());

/** Two peers whose folders held files before they knew of each other. */
describe.skipIf(skipped)('two folders become one mesh', () => {
  let lan: Lan;
  let peers: PeerProcess[];

  beforeAll(async () => {
    lan = new Lan('four', 3);
    for (const name of ['alpha', 'bravo']) {
      const folder = join(lan.folder, name);
      mkdirSync(folder);
      writeFileSync(join(folder, 'same.txt'), 'the same in both');
      writeFileSync(join(folder, 'different.txt'), `the text of ${name}`);
      writeFileSync(join(folder, `only-${name}.txt`), `only ${name} had this`);
    }
    peers = await lan.peers({ host: 1, name: 'alpha' }, { host: 2, name: 'bravo' });
    await until('every file on both', async () => {
      const { value } = await lan.verb(1, ['show']);
      return value.length === 4 && value.every((file: { copies: number }) => file.copies === 2);
    });
  });
  afterAll(() => lan?.close());

  for (const [index, asked] of ['alpha', 'bravo'].entries()) {
    describe(`asked through ${asked}`, () => {
      const through = () => ['--peer', peers[index]?.address ?? ''];
      const download = (name: string) => {
        const place = lan.place(`through-${asked}-${name}`);
        return lan.verb(3, ['download', name, '--to', `${place}/`, ...through()]).then((answer) => ({ place, answer }));
      };

      it('gives one copy of what was identical', async () => {
        const { place, answer } = await download('same.txt');
        expect(answer.code, answer.error).toBe(0);
        expect(readdirSync(place)).toEqual(['same.txt']);
        expect(readFileSync(join(place, 'same.txt'), 'utf8')).toBe('the same in both');
      });

      it('gives both versions of what differed, named after their peers, and exits 6', async () => {
        const { place, answer } = await download('different.txt');
        expect(answer.code, answer.error).toBe(6);
        expect(readdirSync(place).sort()).toEqual(['different (alpha).txt', 'different (bravo).txt']);
        for (const name of ['alpha', 'bravo']) {
          expect(readFileSync(join(place, `different (${name}).txt`), 'utf8')).toBe(`the text of ${name}`);
        }
        const { value } = await lan.verb(3, ['conflicts', ...through()]);
        expect(value.map((file: { path: string }) => file.path)).toEqual(['different.txt']);
        expect(value[0].versions.map((version: { origin: string }) => version.origin).sort()).toEqual(['alpha', 'bravo']);
      });

      it.each(['alpha', 'bravo'])('gives what only %s had', async (name) => {
        const { place, answer } = await download(`only-${name}.txt`);
        expect(answer.code, answer.error).toBe(0);
        expect(readFileSync(join(place, `only-${name}.txt`), 'utf8')).toBe(`only ${name} had this`);
      });

      it('says of what nobody has that it is not there, and exits 3', async () => {
        const { place, answer } = await download('nothing.txt');
        expect(answer.code).toBe(3);
        expect(answer.value.error.code).toBe('not-found');
        expect(answer.value.error.message).toContain('nothing.txt');
        expect(readdirSync(place)).toEqual([]);
      });
    });
  }

  it('left each folder with its own text under the plain name', () => {
    for (const { name, folder } of peers) {
      expect(readFileSync(join(folder, 'different.txt'), 'utf8')).toBe(`the text of ${name}`);
    }
  });
});
