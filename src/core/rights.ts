import { type AccountFact, EVERYONE, HOMES, LIFE_MAX, type Right } from './accounts.ts';
import type { Fact } from './facts.ts';
import { type GrantFact, rightIn } from './grants.ts';
import { foldCase, folderOf, foldersOf } from './path.ts';

/** Who asks: the name of an account that is logged in. */
export interface Person {
  readonly name: string;
  readonly admin: boolean;
}

/** A right, and what it follows from. */
export interface ReasonedRight {
  readonly right: Right;
  /** The path of the grant that decides; `home/NAME` where no grant does and it is a home; else empty. */
  readonly from: string;
}

/**
 * Who may do what with which path. An admin may do everything, and everybody with their own home. Else the grant at the
 * longest beginning of the path decides, one's own before everyone's; a home is closed to others where none does, and all the
 * rest open. Paths are compared after case-fold: a twin in case is under the same rule.
 */
export class Rights {
  /** By case-folded path, then by name. */
  readonly #grants = new Map<string, Map<string, Said>>();
  /** The folders, case-folded, below which there are grants. */
  readonly #above = new Set<string>();

  constructor(grants: Iterable<Grant>) {
    for (const { path, who, right } of grants) {
      const fold = foldCase(path);
      const there = this.#grants.get(fold) ?? new Map<string, Said>();
      there.set(who, { right, path });
      this.#grants.set(fold, there);
      for (const folder of foldersOf(fold)) this.#above.add(folder);
    }
  }

  mayRead(person: Person, path: string): boolean {
    return this.of(person, path).right !== 'none';
  }

  mayWrite(person: Person, path: string): boolean {
    return this.of(person, path).right === 'write';
  }

  /** True when the grants of that path are this person's to make. */
  mayGrant(person: Person, path: string): boolean {
    return person.admin || ownerOfHome(foldCase(path)) === person.name;
  }

  of(person: Person, path: string): ReasonedRight {
    const fold = foldCase(path);
    const owner = ownerOfHome(fold);
    const home = owner === undefined ? '' : `${HOMES}/${owner}`;
    if (person.admin) return { right: 'write', from: home };
    // Everyone is nobody's name.
    if (owner === person.name && owner !== EVERYONE) return { right: 'write', from: home };
    for (let prefix = fold; prefix !== ''; prefix = folderOf(prefix)) {
      const there = this.#grants.get(prefix);
      const said = there?.get(person.name) ?? there?.get(EVERYONE);
      if (said !== undefined) return { right: said.right, from: said.path };
      if (prefix === home) return { right: 'none', from: home };
    }
    // A file of that name would leave no place for homes.
    return fold === HOMES ? { right: 'read', from: HOMES } : { right: 'write', from: '' };
  }

  /**
   * What a path shares its readers with, as a case-folded path: the longest beginning of it that a grant is for, or that is a
   * home; else empty. Whoever may read that may read every path of the same region.
   */
  regionOf(path: string): string {
    const fold = foldCase(path);
    const owner = ownerOfHome(fold);
    const home = owner === undefined ? '' : `${HOMES}/${owner}`;
    let prefix = fold;
    while (prefix !== '' && prefix !== home && !this.#grants.has(prefix)) prefix = folderOf(prefix);
    return prefix;
  }

  /**
   * The folder around a path that may not be read, below which nothing may: a list goes on behind it. As it is written in
   * `path`; undefined: there is none, or `path` itself is all.
   */
  hiddenFolderOf(person: Person, path: string): string | undefined {
    const { right, from } = this.of(person, path);
    if (right !== 'none') return undefined;
    const depth = from.split('/').length;
    const folder = path.split('/').slice(0, depth).join('/');
    return folder === path || this.#above.has(foldCase(from)) ? undefined : folder;
  }
}

/** What a grant says, and for which path as it was written. */
interface Said {
  readonly right: Right;
  readonly path: string;
}

/** A grant as it counts. */
export type Grant = Pick<GrantFact, 'path' | 'who' | 'right'>;

/** The grants that count: said to those who have the names now, of the homes of those who have them now. */
export function grantsInForce(facts: Iterable<Fact>): Grant[] {
  const all = [...facts];
  const lives = livesOf(all);
  return all.flatMap((fact) => {
    if (fact.kind !== 'grant') return [];
    const { path, who } = fact;
    const [life, homeLife] = [lives.get(who) ?? 0, homeLifeOf(lives, path)];
    const right = rightIn(fact, (said) => said.life === life && said.homeLife === homeLife);
    return right === undefined ? [] : [{ path, who, right }];
  });
}

/** The life of each name that ever was an account's: of one that was removed the next. Of others it is 0. */
export function livesOf(facts: Iterable<Fact>): Map<string, number> {
  const lives = new Map<string, number>();
  for (const fact of facts)
    if (fact.kind === 'account') lives.set(fact.name, Math.min(fact.life + (fact.removed ? 1 : 0), LIFE_MAX));
  return lives;
}

/** The life of whose home a path is, or lies in; of a path outside of all 0. */
export function homeLifeOf(lives: ReadonlyMap<string, number>, path: string): number {
  const owner = homeOf(path);
  return owner === undefined ? 0 : (lives.get(owner) ?? 0);
}

/** What `rights` of one path, as the mesh tells them, say of an account; undefined: nothing. */
export function rightAmong<Told extends string>(
  rights: readonly { readonly who: string; readonly right: Told }[],
  user: string | null | undefined,
): Told | undefined {
  return (rights.find(({ who }) => who === user) ?? rights.find(({ who }) => who === EVERYONE))?.right;
}

/** Whose home a path is, or lies in; undefined: nobody's. */
export function homeOf(path: string): string | undefined {
  return ownerOfHome(foldCase(path));
}

/** Whose home a case-folded path is, or lies in; undefined: nobody's. */
function ownerOfHome(fold: string): string | undefined {
  if (!fold.startsWith(`${HOMES}/`)) return undefined;
  const rest = fold.slice(HOMES.length + 1);
  const end = rest.indexOf('/');
  return end < 0 ? rest : rest.slice(0, end);
}

/** The accounts that are there, by name, each with what it is now: the first one is an admin's, though its own fact does not say so. */
export function accountsOf(facts: Iterable<Fact>): Map<string, AccountFact> {
  const accounts = new Map<string, AccountFact>();
  let first: string | undefined;
  for (const fact of facts) {
    if (fact.kind === 'account' && !fact.removed) accounts.set(fact.name, fact);
    if (fact.kind === 'founding') first = fact.name;
  }
  const founder = accounts.get(first ?? '');
  // Who has the name in a later life founded nothing.
  if (founder?.life === 0 && !founder.admin) accounts.set(founder.name, { ...founder, admin: true });
  return accounts;
}
