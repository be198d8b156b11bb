import { type PagePeer, peersOf, type StatusResult, type Traffic } from './api.ts';
import { pauseMs } from './patience.ts';
import { flowsOf, type Rates, ratesOf } from './rates.ts';

/** The mesh as it is now: told by the peer as it happens. */

/** A stream that says nothing for so long may be dead without a word: the peer is asked. */
const QUIET_MS = 10_000;
const ANSWER_MS = 4_000;
/** Traffic is told each second while there is any. */
const CALM_MS = 2_500;
/** Paths of one event: more mean "much has changed". */
type FilesListener = (paths: readonly string[] | undefined) => void;

class Live {
  peers = $state.raw<readonly PagePeer[]>([]);
  traffic = $state.raw<Traffic>({ inBytes: 0, outBytes: 0, links: [] });
  status = $state.raw<StatusResult | undefined>();
  rates = $state.raw<Rates>(new Map());
  /** Of the peer of this page. */
  flows = $derived(flowsOf(this.peers.find((peer) => peer.self)?.name, this.traffic, this.rates, this.peers));
  /** The stream is open: what is seen is true. */
  isOpen = $state(false);
  /** The peer is there but gives no stream, time and again: it has too many. */
  isRefused = $state(false);
  /** Called when the stream breaks. */
  onBroken: () => void = () => undefined;
  readonly #filesListeners = new Set<FilesListener>();
  #source: EventSource | undefined;
  /** How often a stream was refused since there was one. */
  #refusals = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #trafficAt: number | undefined;
  #calm: ReturnType<typeof setTimeout> | undefined;

  /** Opens the stream anew: how all is now is what it tells first. */
  open(): void {
    this.close();
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    const on = (name: string, take: (data: unknown) => void) =>
      source.addEventListener(name, (event) => {
        this.#heard();
        take(JSON.parse((event as MessageEvent<string>).data));
      });
    source.addEventListener('open', () => {
      this.#heard();
      this.isOpen = true;
      this.isRefused = false;
      this.#refusals = 0;
      this.#tellFiles(undefined);
    });
    source.addEventListener('error', () => (source === this.#source ? this.#broke() : undefined));
    on('peers', (data) => this.#takePeers(data));
    on('traffic', (data) => this.#takeTraffic(data as Traffic));
    on('status', (data) => this.#takeStatus(data as StatusResult));
    on('files', (data) => {
      const { paths, more } = data as { paths?: string[]; more?: unknown };
      this.#tellFiles(more || paths === undefined ? undefined : paths);
    });
    this.#heard();
  }

  close(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#pause);
    this.#source?.close();
    this.#source = undefined;
    this.#trafficAt = undefined;
    this.isOpen = false;
  }

  /** Names that changed, undefined: any may have. Returns how to stop. */
  onFiles(listener: FilesListener): () => void {
    this.#filesListeners.add(listener);
    return () => this.#filesListeners.delete(listener);
  }

  peerNamed(name: string): PagePeer | undefined {
    return this.peers.find((peer) => peer.name === name);
  }

  #takePeers(data: unknown): void {
    const before = servingOf(this.peers);
    this.peers = peersOf(data);
    // Which copies count, and what can be read, follows from who is here: no path changes by that.
    if (before !== '' && before !== servingOf(this.peers)) this.#tellFiles(undefined);
  }

  #takeStatus(status: StatusResult): void {
    const before = this.status?.wanted ?? status.wanted;
    this.status = status;
    if (before !== status.wanted) this.#tellFiles(undefined);
  }

  #takeTraffic(traffic: Traffic): void {
    const nowMs = performance.now();
    // The first one tells what was before one looked.
    if (this.#trafficAt !== undefined) {
      // What comes after a calm took no longer than a look.
      const stretchMs = Math.min(nowMs - this.#trafficAt, CALM_MS);
      this.rates = ratesOf(this.traffic, traffic, stretchMs);
    }
    this.#trafficAt = nowMs;
    this.traffic = traffic;
    clearTimeout(this.#calm);
    this.#calm = setTimeout(() => {
      this.rates = new Map();
    }, CALM_MS);
  }

  #tellFiles(paths: readonly string[] | undefined): void {
    for (const listener of this.#filesListeners) listener(paths);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#listen(), QUIET_MS);
  }

  async #listen(): Promise<void> {
    const source = this.#source;
    const isThere = await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) }).then(
      () => true,
      () => false,
    );
    if (source === undefined || source !== this.#source) return;
    if (isThere) this.#heard();
    else this.#broke();
  }

  /** One that was open is asked for again at once; one that was refused later each time, since the answer would be the same. */
  #broke(): void {
    const wasOpen = this.isOpen;
    this.close();
    this.#refusals = wasOpen ? 0 : this.#refusals + 1;
    this.isRefused = this.#refusals > 1;
    if (this.#refusals === 0) this.onBroken();
    else this.#pause = setTimeout(() => this.onBroken(), pauseMs(this.#refusals));
  }
}

/** Those whose copies count. */
function servingOf(peers: readonly PagePeer[]): string {
  const serving = peers.filter(({ alive, paused }) => alive && !paused);
  return serving
    .map(({ id }) => id)
    .sort()
    .join();
}

export const live = new Live();
