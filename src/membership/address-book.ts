import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError } from '../core/errors.ts';
import { isHex, type PeerId } from '../core/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Address } from '../platform/network.ts';
import type { Store } from '../platform/store.ts';

/** Addresses remembered of one member. Range 1–16: cables, wireless, VPN. */
const ADDRESSES_MAX = 4;
/** Members whose addresses are read at start: more than any mesh has. */
const MEMBERS_MAX = 1_000;
const PREFIX = 'm/addr/';
/** The code unit after the last one of PREFIX. */
const AFTER_PREFIX = 'm/addr0';

/** Where members were met, across restarts: a mesh finds itself again where multicast does not reach. */
export class AddressBook {
  readonly #catalog: Pick<Catalog, 'change' | 'members'>;
  readonly #store: Pick<Store, 'range'>;
  readonly #log: Log;
  readonly #saved = new Map<PeerId, string>();

  constructor(options: { catalog: Pick<Catalog, 'change' | 'members'>; store: Pick<Store, 'range'>; log: Log }) {
    this.#catalog = options.catalog;
    this.#store = options.store;
    this.#log = options.log;
  }

  /** What is remembered of members. */
  async read(): Promise<{ peer: PeerId; addresses: Address[] }[]> {
    const rows = await this.#store.range({ from: PREFIX, to: AFTER_PREFIX, limit: MEMBERS_MAX });
    const members = this.#catalog.members();
    return rows.flatMap(({ key, value }) => {
      const id = key.slice(PREFIX.length);
      const text = Buffer.from(value).toString('utf8');
      if (!isHex(id, 64) || !members.has(id as PeerId)) return [];
      this.#saved.set(id as PeerId, text);
      return [{ peer: id as PeerId, addresses: text.split('\n').slice(0, ADDRESSES_MAX) }];
    });
  }

  /** Remembers where a member can be dialled; a failure costs nothing but the memory. */
  note(peer: PeerId, addresses: readonly Address[]): void {
    const text = addresses.slice(0, ADDRESSES_MAX).join('\n');
    if (text === '' || this.#saved.get(peer) === text) return;
    this.#write(peer, text);
  }

  forget(peer: PeerId): void {
    if (this.#saved.has(peer)) this.#write(peer, undefined);
  }

  #write(peer: PeerId, text: string | undefined): void {
    if (text === undefined) this.#saved.delete(peer);
    else this.#saved.set(peer, text);
    const value = text === undefined ? undefined : Buffer.from(text, 'utf8');
    this.#catalog
      .change([], (transaction) => transaction.save(`${PREFIX}${peer}`, value))
      .catch((thrown: unknown) => {
        this.#saved.delete(peer);
        this.#log.warn('the address of a member could not be remembered', { peer, error: asMeshError(thrown).message });
      });
  }
}
