import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { SignedIn } from '../client/sign-in.ts';
import type { AccountFact } from '../core/accounts.ts';
import { WebFailure } from './failures.ts';
import { type Asker, ownersOf } from './owners.ts';
import { shownPeer } from './shown-peer.ts';
import type { WebPeer } from './web-options.ts';

/** Streams open at once, and those of one address or account. Range 8–256. */
const STREAMS_MAX = 64;
const STREAMS_OF_ONE_MAX = 16;
/** News is told at most so often: what came meanwhile goes together. Range 100–1,000 ms. */
const TELL_MS = 250;
/** The peers are looked at so often, and told when something of them changed. */
const LOOK_MS = 1000;
/** A comment so often keeps the connection. Range: below IDLE_MS_MAX, 5–30 s. */
const HEARTBEAT_MS = 15_000;
/** Paths of one telling; more are told as `more`, and whoever shows a list asks for it anew. */
const PATHS_MAX = 200;
/** Bytes a stream may lag behind: whoever does not read is let go, and comes again. */
const LAG_BYTES_MAX = 1024 * 1024;

/** Whose stream it is. */
interface Reader {
  readonly who: SignedIn | undefined;
  /** Whose it is, in every respect that is bounded. */
  readonly owners: readonly string[];
  /** The account as it was when the stream was opened; undefined: nobody's, or not heard of. */
  readonly account: AccountFact | undefined;
  /** What signed the logins of then. */
  readonly key: string | undefined;
  /** The last of each kind that it was told. */
  readonly told: Map<string, string>;
  /** More paths that it may see have changed than are told. */
  hasMore: boolean;
}

/** What happens at this peer, told to every open page as server-sent events: `files`, `peers`, `status`, `traffic`. */
export class Events {
  readonly #peer: WebPeer;
  readonly #streams = new Map<ServerResponse, Reader>();
  readonly #paths = new Set<string>();
  #happened = false;
  #telling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(peer: WebPeer) {
    this.#peer = peer;
    peer.onPaths((paths) => this.#changed(paths));
    peer.onEvent(({ path }) => {
      if (path !== undefined) return;
      this.#happened = true;
      this.#tellSoon();
    });
  }

  /** Opens one more stream; it lasts until its reader goes, or the peer. Rejects with 503 when there are too many. */
  open({ request, reply, who }: Asker & { readonly reply: FastifyReply }): void {
    const owners = ownersOf({ request, who });
    const open = [...this.#streams.values()];
    const most = Math.max(...owners.map((owner) => open.filter((reader) => reader.owners.includes(owner)).length));
    if (open.length >= STREAMS_MAX || most >= STREAMS_OF_ONE_MAX)
      throw new WebFailure(503, 'busy', 'too many pages are open here; close some', { 'retry-after': '10' });
    reply.hijack();
    const stream = reply.raw;
    // Whoever went while the login was proved would never be missed.
    if (stream.destroyed) return;
    stream.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    stream.write('retry: 1000\n\n');
    const account = who === undefined ? undefined : this.#peer.people.accounts().get(who.user);
    const { key } = this.#peer.people.sessionKey() ?? {};
    this.#streams.set(stream, { who, owners, account, key, told: new Map(), hasMore: false });
    stream.once('close', () => this.#leave(stream));
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    this.#heartbeat ??= setInterval(() => this.#tell(() => ':\n\n'), HEARTBEAT_MS);
    this.#look();
  }

  close(): void {
    for (const stream of this.#streams.keys()) stream.destroy();
    clearTimeout(this.#telling);
    this.#rest();
  }

  #leave(stream: ServerResponse): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#looking);
    clearInterval(this.#heartbeat);
    this.#looking = this.#heartbeat = undefined;
  }

  #changed(paths: ReadonlySet<string>): void {
    if (this.#streams.size === 0) return;
    const readers = [...this.#streams.values()];
    for (const path of paths) {
      if (this.#paths.size < PATHS_MAX) this.#paths.add(path);
      else if (readers.every(({ hasMore }) => hasMore)) break;
      else for (const reader of readers) reader.hasMore ||= this.#sees(reader, path);
    }
    this.#tellSoon();
  }

  #sees({ who, account }: Reader, path: string): boolean {
    return who === undefined || (account !== undefined && this.#peer.people.rights().mayRead(account, path));
  }

  #tellSoon(): void {
    if (this.#streams.size === 0) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#tellNews();
    }, TELL_MS);
  }

  #tellNews(): void {
    const all = [...this.#paths];
    this.#tell((reader) => {
      const paths = all.filter((path) => this.#sees(reader, path));
      const more = reader.hasMore;
      reader.hasMore = false;
      return paths.length === 0 && !more ? '' : eventText('files', { paths, more });
    });
    this.#paths.clear();
    if (this.#happened) this.#look();
    this.#happened = false;
  }

  #look(): void {
    this.#tellNew('traffic', this.#peer.traffic());
    this.#tellNew('peers', { peers: this.#peer.peers().peers.map(shownPeer) });
    for (const account of new Set([...this.#streams.values()].map(seenAs))) void this.#lookAs(account);
  }

  async #lookAs(account: string | undefined): Promise<void> {
    const status = await this.#peer.status(account).catch(() => undefined);
    if (status !== undefined) this.#tellNew('status', status, (reader) => seenAs(reader) === account);
  }

  /** Tells those whom it is for, and who were not told the same before. */
  #tellNew(name: string, value: unknown, isFor: (reader: Reader) => boolean = () => true): void {
    const text = eventText(name, value);
    this.#tell((reader) => {
      if (!isFor(reader) || reader.told.get(name) === text) return '';
      reader.told.set(name, text);
      return text;
    });
  }

  #tell(textFor: (reader: Reader) => string): void {
    for (const [stream, reader] of this.#streams) {
      const text = this.#isGood(reader) && stream.writableLength <= LAG_BYTES_MAX ? textFor(reader) : undefined;
      if (text === undefined) stream.destroy();
      else if (text !== '') stream.write(text);
    }
  }

  /** False once the login is over, or there are accounts and this reader has none. */
  #isGood({ who, account, key }: Reader): boolean {
    const { people } = this.#peer;
    if (who === undefined) return !people.hasAccounts();
    if (people.sessionKey()?.key !== key) return false;
    const now = people.accounts().get(who.user);
    if (now === undefined || now.admin !== account?.admin) return false;
    // On the other side of a cut another one may have been made of the same name, or the same one changed otherwise.
    return now.life === account.life && now.revision === account.revision && now.verifier === account.verifier;
  }
}

/** The account whose rights say what a reader is told; undefined: all of it. */
function seenAs({ who, account }: Reader): string | undefined {
  return who === undefined || account?.admin === true ? undefined : who.user;
}

function eventText(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
