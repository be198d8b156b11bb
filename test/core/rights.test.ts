import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYONE, isAccountName, parseToken, type Right, tokenBody, VERIFIER_NOBODY } from '../../src/core/accounts.ts';
import type { Fact } from '../../src/core/facts.ts';
import { grantAfter } from '../../src/core/grants.ts';
import { foldCase } from '../../src/core/path.ts';
import { type Grant, grantsInForce, type Person, Rights } from '../../src/core/rights.ts';

const anna: Person = { name: 'anna', admin: false };
const bob: Person = { name: 'bob', admin: false };
const root: Person = { name: 'root', admin: true };

const grantOf = (path: string, who: string, right: Right): Grant => ({ path, who, right });
const part = fc.constantFrom('home', 'anna', 'bob', 'docs', 'Docs', 'a', 'A', 'b.txt', 'ß', 'SS');
const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const who = fc.constantFrom('anna', 'bob', EVERYONE);
const right = fc.constantFrom('none' as const, 'read' as const, 'write' as const);
const grants = fc.array(fc.record({ path, who, right }), { maxLength: 12 }).map((all) => {
  const byKey = new Map(all.map((one) => [`${foldCase(one.path)} ${one.who}`, grantOf(one.path, one.who, one.right)]));
  return [...byKey.values()];
});

describe('rights', () => {
  it('are those of the table', () => {
    const rights = new Rights([
      grantOf('docs', EVERYONE, 'read'),
      grantOf('docs/plans', 'bob', 'write'),
      grantOf('docs/plans', EVERYONE, 'none'),
      grantOf('docs/plans/Old', EVERYONE, 'read'),
      grantOf('home/anna/pub', EVERYONE, 'read'),
      grantOf('home', EVERYONE, 'write'),
    ]);
    const table: [Person, string, string, string][] = [
      [bob, 'notes.txt', 'write', ''],
      [bob, 'docs/x', 'read', 'docs'],
      [bob, 'DOCS/x', 'read', 'docs'],
      [bob, 'docsx', 'write', ''],
      [bob, 'docs/plans', 'write', 'docs/plans'],
      [anna, 'docs/plans/2027', 'none', 'docs/plans'],
      [anna, 'docs/plans/old/x', 'read', 'docs/plans/Old'],
      [anna, 'home/anna/x', 'write', 'home/anna'],
      [anna, 'home/anna/pub/x', 'write', 'home/anna'],
      [bob, 'home/anna/x', 'none', 'home/anna'],
      [bob, 'Home/ANNA/x', 'none', 'home/anna'],
      [bob, 'home/anna', 'none', 'home/anna'],
      [bob, 'home/anna/pub/x', 'read', 'home/anna/pub'],
      [bob, 'home/nobody/x', 'none', 'home/nobody'],
      [root, 'home/anna/x', 'write', 'home/anna'],
      [root, 'docs/plans', 'write', ''],
    ];
    for (const [person, where, wanted, from] of table) {
      expect([person.name, where, rights.of(person, where)]).toEqual([person.name, where, { right: wanted, from }]);
    }
    expect(new Rights([]).mayRead({ name: EVERYONE, admin: false }, 'home/everyone/x')).toBe(false);
    expect(new Rights([]).of(bob, 'home')).toEqual({ right: 'read', from: 'home' });
  });

  it('never close a home to its owner, nor anything to an admin', () => {
    fc.assert(
      fc.property(grants, path, (all, below) => {
        const rights = new Rights(all);
        return rights.mayWrite(anna, `home/anna/${below}`) && rights.mayWrite(root, below);
      }),
    );
  });

  it('open a home to another only by a grant in it', () => {
    fc.assert(
      fc.property(grants, path, (all, below) => {
        const inHome = all.some((one) => /^home\/anna(\/|$)/.test(foldCase(one.path)));
        return inHome || !new Rights(all).mayRead(bob, `home/anna/${below}`);
      }),
    );
  });

  it('are the same for twins in case', () => {
    fc.assert(
      fc.property(grants, path, (all, one) => {
        const rights = new Rights(all);
        for (const twin of [one.toUpperCase(), one.toLowerCase()]) {
          expect(rights.of(bob, twin).right).toBe(rights.of(bob, one).right);
        }
      }),
    );
  });

  it('are those of the longest path that says something', () => {
    fc.assert(
      fc.property(grants, path, (all, one) => {
        const rights = new Rights(all);
        const said = all
          .filter((grant) => grant.who !== 'anna')
          .filter((grant) => foldCase(one) === foldCase(grant.path) || foldCase(one).startsWith(`${foldCase(grant.path)}/`))
          .sort((a, b) => b.path.split('/').length - a.path.split('/').length || (a.who === 'bob' ? -1 : 1));
        const home = /^home\/[^/]+/.exec(foldCase(one))?.[0];
        if (home === 'home/bob') return;
        const first = said.find((grant) => home === undefined || grant.path.split('/').length >= 2);
        const byDefault = foldCase(one) === 'home' ? 'read' : home === undefined ? 'write' : 'none';
        expect(rights.of(bob, one).right).toBe(first?.right ?? byDefault);
      }),
    );
  });

  it('to read are the same for all of a region', () => {
    fc.assert(
      fc.property(grants, path, (all, one) => {
        const rights = new Rights(all);
        const region = rights.regionOf(one);
        expect(region === '' || `${foldCase(one)}/`.startsWith(`${region}/`)).toBe(true);
        for (const person of [anna, bob, root]) expect(rights.mayRead(person, region)).toBe(rights.mayRead(person, one));
      }),
    );
  });

  it('do not hide a folder in which something is given', () => {
    const rights = new Rights([
      grantOf('Docs', 'bob', 'none'),
      grantOf('docs/sub/open', 'bob', 'read'),
      grantOf('x', 'bob', 'none'),
    ]);
    expect(rights.hiddenFolderOf(bob, 'docs/a/b')).toBeUndefined();
    expect(rights.hiddenFolderOf(bob, 'docs/sub/b')).toBeUndefined();
    expect(rights.hiddenFolderOf(bob, 'x/a/b')).toBe('x');
    expect(rights.hiddenFolderOf(anna, 'x/a/b')).toBeUndefined();
  });

  it('hide a folder only when all below it is hidden', () => {
    fc.assert(
      fc.property(grants, path, path, (all, one, more) => {
        const rights = new Rights(all);
        const folder = rights.hiddenFolderOf(bob, one);
        if (folder === undefined) return;
        expect(one.startsWith(`${folder}/`)).toBe(true);
        expect(rights.mayRead(bob, `${folder}/${more}`)).toBe(false);
      }),
    );
  });
});

describe('who gives rights', () => {
  it.each<[Person, string, boolean]>([
    [root, 'docs/x', true],
    [anna, 'home/anna', true],
    [anna, 'home/anna/pub/x', true],
    [anna, 'Home/ANNA/pub', true],
    [anna, 'home', false],
    [anna, 'home/annabel/x', false],
    [anna, 'home/bob/x', false],
    [anna, 'docs/home/anna/x', false],
  ])('%o of %s: %s', (person, path, may) => expect(new Rights([]).mayGrant(person, path)).toBe(may));
});

describe('grants in force', () => {
  /** Of that name for the second time. */
  const accountAgain = (name: string): Fact => ({
    ...{ kind: 'account', name, admin: false, verifier: VERIFIER_NOBODY, removed: false },
    ...{ life: 1, revision: 1, adminRevision: 0 },
  });

  it('are those of who has the name now, in the home of who has it now', () => {
    const said = [
      { path: 'docs/before', who: 'bob', life: 0, homeLife: 0 },
      { path: 'docs/now', who: 'bob', life: 1, homeLife: 0 },
      { path: 'home/anna/before', who: EVERYONE, life: 0, homeLife: 0 },
      { path: 'home/anna/now', who: EVERYONE, life: 0, homeLife: 1 },
    ].map((wish) => grantAfter(undefined, { ...wish, right: 'read' }));
    const facts = [accountAgain('anna'), accountAgain('bob'), ...said];
    expect(grantsInForce(facts).map((grant) => grant.path)).toEqual(['docs/now', 'home/anna/now']);
  });
});

describe('names and tokens', () => {
  it('takes names that are one folder on every disk', () => {
    for (const name of ['anna', 'a', '0day', 'a-b_c', 'x'.repeat(32)]) expect([name, isAccountName(name)]).toEqual([name, true]);
    for (const name of ['', 'Anna', 'a.b', 'a/b', '-a', 'con', 'everyone', 'x'.repeat(33), 'ä', 'a b', 'a\n'])
      expect([name, isAccountName(name)]).toEqual([name, false]);
  });

  it('takes apart what it put together, and nothing else', () => {
    const facts = { user: 'a-b_1', life: 1, revision: 3, generation: 2, expiresMs: 1_800_000_000_000, nonce: 'ab'.repeat(16) };
    const [mark, signature] = ['1e'.repeat(16), '0f'.repeat(32)];
    const token = `${tokenBody(facts)}.${mark}.${signature}`;
    expect(parseToken(token)).toEqual({ facts, body: tokenBody(facts), mark, signature });
    for (const wrong of ['', token.slice(1).slice(0, -1), `${token}0`, `x.${token}`, token.toUpperCase(), `${token}\n`])
      expect(parseToken(wrong)).toBeUndefined();
  });
});
