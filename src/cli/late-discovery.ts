import type { Announcement, Discovery, Sighting } from '../platform/discovery.ts';
import type { NodeDiscoveryOptions } from '../platform/node/node-discovery.ts';

/**
 * Multicast for clients, loaded when it is first asked: a verb on a known mesh finds its peer without, and is done
 * before the library would have been read.
 */
export class LateDiscovery implements Discovery {
  readonly #options: NodeDiscoveryOptions;
  #real: Promise<Discovery> | undefined;
  #isClosed = false;

  constructor(options: NodeDiscoveryOptions) {
    this.#options = options;
  }

  async announce(announcement: Announcement): Promise<void> {
    await (await this.#load()).announce(announcement);
  }

  async browse(sighted: (sighting: Sighting) => void): Promise<void> {
    const real = await this.#load();
    if (!this.#isClosed) await real.browse(sighted);
  }

  refresh(): void {
    // `browse` tells when it cannot be loaded.
    this.#real?.then((real) => !this.#isClosed && real.refresh()).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#real)?.close();
  }

  #load(): Promise<Discovery> {
    this.#real ??= import('../platform/node/node-discovery.ts').then(({ NodeDiscovery }) => new NodeDiscovery(this.#options));
    return this.#real;
  }
}
