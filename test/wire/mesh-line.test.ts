import { wordlist } from '@scure/bip39/wordlists/english.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMeshLine,
  idPrefixOf,
  isMeshName,
  isStrongSecret,
  meshIdOf,
  newSecret,
  parseMeshLine,
  tagOf,
} from '../../src/wire/mesh-line.ts';
import { SimRandom } from '../sim/sim-random.ts';

const SECRET = 'able-about-above-absent-absorb-abstract-absurd-abuse';
const ID = '0123456789abcdef';

describe('join line', () => {
  test.each([
    [`home/${SECRET}`, { name: 'home', secret: SECRET }],
    [`home+${ID}/${SECRET}`, { name: 'home', idPrefix: ID, secret: SECRET }],
    [`Büro_2.Stock-links/${SECRET}`, { name: 'Büro_2.Stock-links', secret: SECRET }],
    [`a/${'0123456789abcdef'.repeat(2)}`, { name: 'a', secret: '0123456789abcdef'.repeat(2) }],
  ])('%s', (line, parsed) => {
    expect(parseMeshLine(line)).toEqual(parsed);
    expect(formatMeshLine(parseMeshLine(line))).toBe(line);
  });

  test.each([
    ['', 'no "/"'],
    ['home', 'no "/"'],
    ['home/', 'no secret'],
    [`/${SECRET}`, '1 to 32 letters'],
    [`a b/${SECRET}`, '1 to 32 letters'],
    [`${'x'.repeat(33)}/${SECRET}`, '1 to 32 letters'],
    [`home+/${SECRET}`, '16 hex digits'],
    [`home+0123/${SECRET}`, '16 hex digits'],
    [`home+${ID.toUpperCase()}/${SECRET}`, '16 hex digits'],
    [`home+${ID}+x/${SECRET}`, 'more than one "+"'],
    [`home/${SECRET}/x`, 'a space, a "/"'],
    [`home/${SECRET} x`, 'a space, a "/"'],
    [`home/${SECRET}\n`, 'a space, a "/"'],
    ['home/password', 'too easy to guess'],
    [`home/${'xK9-'.repeat(60)}`, 'longer than 200'],
  ])('refused: %s', (line, reason) => {
    expect(() => parseMeshLine(line)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(reason) }),
    );
  });

  test('a refusal never repeats the secret', () => {
    expect(() => parseMeshLine('home/hunter2')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  test('a name in decomposed form is the same mesh', () => {
    expect(parseMeshLine(`Bu\u0308ro/${SECRET}`).name).toBe('B\u00fcro');
    expect(isMeshName('..')).toBe(true);
  });
});

describe('secrets', () => {
  test('new ones are eight words of the list, strong, and not the same', () => {
    const random = new SimRandom('secrets');
    const secrets = Array.from({ length: 2_000 }, () => newSecret(random));
    for (const secret of secrets) {
      expect(secret.split('-').every((word) => wordlist.includes(word))).toBe(true);
      expect(isStrongSecret(secret)).toBe(true);
      expect(secret.split('-')).toHaveLength(8);
    }
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  test.each([
    ['seven words', 'able-about-above-absent-absorb-abstract-absurd', false],
    ['eight words', SECRET, true],
    ['one word eight times', 'able-able-able-able-able-able-able-able', false],
    ['a sentence', 'correct-horse-battery-staple-indeed', false],
    ['a long sentence', 'seven-red-boats-below-grey-bridges-near-olden', true],
    ['hex of 19 digits', '0123456789abcdef012', false],
    ['hex of 20 digits', '0123456789abcdef0123', true],
    ['letters and digits', 'x7Kp2mQ9vR4tB8', true],
    ['too few of them', 'x7Kp2mQ9vR4', false],
    ['a pattern', '1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a', false],
    ['one letter', 'a'.repeat(199), false],
    ['nothing', '', false],
  ])('%s', (_name, secret, strong) => expect(isStrongSecret(secret)).toBe(strong));
});

describe('ids and tags', () => {
  test('the id follows from name and first secret, without confusion between the two', () => {
    expect(meshIdOf('home', SECRET)).toMatch(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 2 }), (name, secret) => {
        expect(meshIdOf(name, secret)).toBe(meshIdOf(name, secret));
        expect(meshIdOf(name, secret)).not.toBe(meshIdOf(name + secret[0], secret.slice(1)));
      }),
    );
  });

  test('a first line and a renewed one lead to the same tag', () => {
    const idPrefix = meshIdOf('home', SECRET).slice(0, 16);
    expect(idPrefixOf({ name: 'home', secret: SECRET })).toBe(idPrefix);
    expect(idPrefixOf({ name: 'home', idPrefix, secret: 'another' })).toBe(idPrefix);
  });

  test('the tag differs by mesh and by start', () => {
    const tags = [tagOf(ID, 'aa'), tagOf(ID, 'bb'), tagOf('f'.repeat(16), 'aa')];
    expect(new Set(tags).size).toBe(3);
    for (const tag of tags) expect(tag).toMatch(/^[0-9a-f]{32}$/);
  });
});
