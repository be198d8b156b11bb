import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import {
  type Fact,
  GENERATION_MAX,
  mustRenewSecret,
  mustRenewSessionKey,
  presentSecret,
  presentSessionKey,
} from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Log } from '../platform/log.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Link } from '../wire/link.ts';
import { newSecret } from '../wire/mesh-line.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { removalOf, renewalOf, sessionKeyOf, standingOf } from './admission.ts';
import { meshOf } from './mesh-choice.ts';

const SESSION_KEY_BYTES = 32;

export interface RemovalsOptions {
  readonly catalog: Catalog;
  readonly switchboard: Pick<Switchboard, 'peers' | 'clients' | 'remove'>;
  readonly random: Random;
  readonly log: Log;
  /** A client that is no member and may stay, unless it was removed: it proved a secret that admits. */
  readonly isGuest: (link: Link) => boolean;
  /** That identity is not to be looked for any more. */
  readonly forget: (peer: PeerId) => void;
  /** This peer was removed itself; told once. */
  readonly onSelfRemoved: () => void;
}

/** Who was removed stays out: its links end, and no secret that it may know admits anybody. */
export class Removals {
  readonly #options: RemovalsOptions;
  #isRenewing = false;
  #isSelfRemoved = false;

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /**
   * Removes a member for good, and renews the secret: durable here when it resolves. `not-found`: no such
   * member; `usage`: it is this peer; `full`: as many were removed as can be remembered.
   */
  async remove(peer: PeerId): Promise<void> {
    const { catalog, log, random } = this.#options;
    // It would know the secret that is to keep it out.
    if (peer === catalog.self)
      throw new MeshError('usage', 'a peer does not remove itself: ask another one, with --peer HOST:PORT');
    if (!catalog.members().has(peer)) throw new MeshError('not-found', 'no such member; "filemesh peers" lists them');
    log.info('a member is removed', { peer });
    const here = new Set([catalog.self, ...this.#links().map((link) => link.peer)]);
    await catalog.adopt(removalOf(catalog.facts(), peer, { secret: newSecret(random), key: newSessionKey(random), here }));
  }

  /** Makes another secret: whoever had the line and was admitted by nobody yet needs the new one. */
  async renewSecret(): Promise<void> {
    const { catalog, random } = this.#options;
    await catalog.adopt([renewalOf(catalog.facts(), newSecret(random))]);
  }

  /** Facts changed. To be called before anyone is told of them: a new secret does not go to who was removed. */
  factsChanged(changed: readonly Fact[]): void {
    const { catalog, forget } = this.#options;
    for (const fact of changed) if (fact.kind === 'removal') forget(fact.id);
    this.decide();
    if (!this.#isSelfRemoved) this.#closeStrangers(catalog.facts());
  }

  /** Leaves when it was removed itself, and renews the secret when it must be. For every change of facts or links. */
  decide(): void {
    const { catalog } = this.#options;
    const facts = catalog.facts();
    if (standingOf(facts, catalog.self, catalog.members()) === 'removed') this.#leave();
    else this.#renewIfNeeded(facts);
  }

  #closeStrangers(facts: readonly Fact[]): void {
    const { catalog, isGuest, log, switchboard } = this.#options;
    const members = catalog.members();
    // A newcomer that does not find itself among the members is still being told of them. And one that came with a line
    // is a guest until the facts say more: so this is done when facts change, not when links come up.
    if (meshOf(facts) === undefined || !members.has(catalog.self)) return;
    for (const link of this.#links()) {
      if (members.has(link.peer)) continue;
      const removal = facts.filter((fact) => fact.kind === 'removal' && fact.id === link.peer);
      if (removal.length === 0 && isGuest(link)) continue;
      log.info('a link ends: its identity is no member', { peer: link.peer });
      // So that it knows, and stops dialling. More it is not told.
      if (removal.length > 0) link.note('facts', { facts: removal });
      switchboard.remove(link, 'no member');
    }
  }

  #leave(): void {
    if (this.#isSelfRemoved) return;
    this.#isSelfRemoved = true;
    const { log, switchboard, onSelfRemoved } = this.#options;
    log.error('this peer was removed from its mesh: its files stay here, and nobody is told of them any more');
    for (const link of this.#links()) switchboard.remove(link, 'this peer was removed');
    onSelfRemoved();
  }

  /** Somebody removed may know the present secret (removals that crossed): the lowest live peer makes another. */
  #renewIfNeeded(facts: readonly Fact[]): void {
    const { catalog, log, random } = this.#options;
    // After the last generation none wins for sure: it would be renewed for ever.
    const isSecretOut = mustRenewSecret(facts) && presentSecret(facts)?.generation !== GENERATION_MAX;
    const isKeyOut = mustRenewSessionKey(facts) && presentSessionKey(facts)?.generation !== GENERATION_MAX;
    if (this.#isRenewing || !(isSecretOut || isKeyOut)) return;
    if (catalog.peers.all().some(({ id, live }) => live && id < catalog.self)) return;
    this.#isRenewing = true;
    log.info('what one that was removed may know is renewed', { isSecretOut, isKeyOut });
    const sessionKey = isKeyOut ? sessionKeyOf(facts, newSessionKey(random)) : undefined;
    const renewed = [
      ...(isSecretOut ? [renewalOf(facts, newSecret(random))] : []),
      ...(sessionKey === undefined ? [] : [sessionKey]),
    ];
    catalog
      .adopt(renewed)
      .catch((thrown: unknown) => log.error('the secret could not be renewed', { error: asMeshError(thrown).message }))
      .finally(() => {
        this.#isRenewing = false;
      })
      .catch(() => {});
  }

  #links(): Link[] {
    return [...this.#options.switchboard.peers(), ...this.#options.switchboard.clients()];
  }
}

/** A key that signs tokens: 32 bytes in hex. */
function newSessionKey(random: Random): string {
  return randomHex(random, SESSION_KEY_BYTES);
}
