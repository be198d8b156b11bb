import type { Catalog } from '../catalog/catalog.ts';
import { ACCOUNTS_MAX, EVERYONE, GRANTS_MAX, HOME_GRANTS_MAX, HOMES_GRANTS_MAX } from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import { type Fact, grantKey } from '../core/facts.ts';
import { type GrantFact, grantAfter, sayingsOf } from '../core/grants.ts';
import type { RequestId } from '../core/ids.ts';
import { grantsInForce, homeLifeOf, homeOf, livesOf } from '../core/rights.ts';
import type { Log } from '../platform/log.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { firstWithin } from './answer-bytes.ts';
import type { Sessions } from './sessions.ts';

const REQUEST_BYTES = 16;

interface Slice {
  readonly log: Log;
  readonly random: Random;
  readonly catalog: Catalog;
  readonly sessions: Sessions;
}

/** Answers who may do what with which path: `grant`, `rights`. */
export class Granting {
  readonly #slice: Slice;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  async grant({ path, who, right, request }: Ask<'grant'>, link: Link): Promise<Reply<'grant'>> {
    const { catalog, sessions, log, random } = this.#slice;
    const { people } = catalog;
    if (!people.hasAccounts()) throw noAccounts();
    const person = sessions.personOf(link);
    if (person === undefined || !people.rights().mayGrant(person, path))
      throw new MeshError('not-allowed', 'the rights of that path are for an admin to give');
    if (who !== EVERYONE && !people.accounts().has(who)) throw new MeshError('not-found', `there is no account ${who}`);
    const lives = livesOf(catalog.facts());
    const [life, homeLife] = [lives.get(who) ?? 0, homeLifeOf(lives, path)];
    const key = grantKey({ who, path });
    const known = catalog.facts().find((one): one is GrantFact => one.kind === 'grant' && grantKey(one) === key);
    if (request !== undefined && known !== undefined && sayingsOf(known).some((said) => said.request === request)) return {};
    if (known === undefined) checkRoomForGrant(catalog.facts(), path, person.admin);
    // By it one saying is told from another.
    const wish = { path, who, life, homeLife, right, request: request ?? (randomHex(random, REQUEST_BYTES) as RequestId) };
    await catalog.adopt([grantAfter(known, wish)]);
    log.info('a right was given', { path, who, right, by: person.name });
    return {};
  }

  /** As many as one answer has room for. */
  async rights({ path, after }: Ask<'rights'>): Promise<Reply<'rights'>> {
    const { people } = this.#slice.catalog;
    if (!people.hasAccounts()) throw noAccounts();
    const rights = people.rights();
    const everyone = rights.of({ name: EVERYONE, admin: false }, path);
    const accounts = [...people.accounts().values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = accounts.map((account) => ({ who: account.name, ...rights.of(account, path) }));
    const others = rows.filter(({ who, right }) => right !== everyone.right && (after === undefined || who > after));
    const all = after === undefined ? [{ who: EVERYONE, ...everyone }, ...others] : others;
    const told = firstWithin(all.slice(0, 2 * ACCOUNTS_MAX));
    return { rights: told, ...(told.length < all.length && { more: true }) };
  }
}

/** Throws `full`. Void ones are remembered, and take no room but that of all facts. */
function checkRoomForGrant(facts: readonly Fact[], path: string, byAdmin: boolean): void {
  const home = homeOf(path);
  const grants = grantsInForce(facts);
  const inHomes = grants.filter((grant) => homeOf(grant.path) !== undefined);
  const inThis = inHomes.filter((grant) => homeOf(grant.path) === home).length;
  const isHomeFull = home !== undefined && (inThis >= HOME_GRANTS_MAX || inHomes.length >= HOMES_GRANTS_MAX);
  if ((isHomeFull && !byAdmin) || grants.length >= GRANTS_MAX)
    throw new MeshError('full', 'more grants than there can be: give rights to folders');
}

export function noAccounts(): MeshError {
  return new MeshError('usage', 'this mesh has no accounts');
}
