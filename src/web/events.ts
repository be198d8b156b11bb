import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { SignedIn } from '../client/sign-in.ts';
import type { AccountFact } from '../core/accounts.ts';
import { WebFailure } from './failures.ts';
import { shownPeer } from './shown-peer.ts';
import type { WebPeer } from './web-options.ts';

/** Streams open at once, and those of one account. Range 8–256. */
const STREAMS_MAX = 64;
const STREAMS_OF_ONE_MAX = 16;
/** News is told at most so often: what came meanwhile goes together. Range 100–1,000 ms. */
const TELL_MS = 250;
/** The peers are looked at so often, and told when something of them changed. */
const LOOK_MS = 1000;
/** A comment so often keeps the connection. */
const HEARTBEAT_MS = 15_000;
/** Paths of one telling; more are told as `more`, and whoever shows a list asks for it anew. */
const PATHS_MAX = 200;
/** Bytes a stream may lag behind: whoever does not read is let go, and comes again. */
const LAG_BYTES_MAX = 1024 * 1024;

/** Whose stream it is. */
interface Reader {
  readonly who: SignedIn | undefined;
  /** The account as it was when the stream was opened; undefined: nobody's, or not heard of. */
  readonly account: AccountFact | undefined;
  /** Of the key that signed the logins of then. */
  readonly generation: number | undefined;
}

/** What happens at this peer, told to every open page as server-sent events: `files`, `peers`, `status`, `traffic`. */
export class Events {
  readonly #peer: WebPeer;
  readonly #streams = new Map<ServerResponse, Reader>();
  readonly #paths = new Set<string>();
  #hasMore = false;
  #happened = false;
  #telling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #peers = '';
  /** The last one told, by the account it is for: see `seenAs`. */
  readonly #statuses = new Map<string | undefined, string>();
  #traffic = '';

  constructor(peer: WebPeer) {
    this.#peer = peer;
    peer.onPaths((paths) => this.#changed(paths));
    peer.onEvent(({ path }) => {
      if (path !== undefined) return;
      this.#happened = true;
      this.#tellSoon();
    });
  }

  /** Opens one more stream; it lasts until its reader goes, or the peer. */
  open(reply: FastifyReply, who: SignedIn | undefined): void {
    const own = [...this.#streams.values()].filter((reader) => reader.who !== undefined && reader.who.user === who?.user);
    if (this.#streams.size >= STREAMS_MAX || own.length >= STREAMS_OF_ONE_MAX)
      throw new WebFailure(503, 'busy', 'too many pages are open here; close some');
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    stream.write('retry: 1000\n\n');
    const account = who === undefined ? undefined : this.#peer.people.accounts().get(who.user);
    this.#streams.set(stream, { who, account, generation: this.#peer.people.sessionKey()?.generation });
    stream.once('close', () => this.#leave(stream));
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    this.#heartbeat ??= setInterval(() => this.#tell(() => ':\n\n'), HEARTBEAT_MS);
    this.#peers = this.#traffic = '';
    this.#statuses.clear();
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
    for (const path of paths) {
      if (this.#paths.size >= PATHS_MAX) {
        this.#hasMore = true;
        break;
      }
      this.#paths.add(path);
    }
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#streams.size === 0) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#tellNews();
    }, TELL_MS);
  }

  #tellNews(): void {
    const [paths, more] = [[...this.#paths], this.#hasMore];
    const rights = this.#peer.people.rights();
    this.#tell(({ who, account }) => {
      const seen = who === undefined ? paths : paths.filter((path) => account !== undefined && rights.mayRead(account, path));
      return seen.length === 0 && !more ? '' : eventText('files', { paths: seen, more });
    });
    this.#paths.clear();
    this.#hasMore = false;
    if (this.#happened) this.#look();
    this.#happened = false;
  }

  #look(): void {
    const traffic = eventText('traffic', this.#peer.traffic());
    if (traffic !== this.#traffic) this.#tell(() => traffic);
    this.#traffic = traffic;
    const peers = eventText('peers', { peers: this.#peer.peers().peers.map(shownPeer) });
    if (peers !== this.#peers) this.#tell(() => peers);
    this.#peers = peers;
    for (const account of new Set([...this.#streams.values()].map(seenAs))) void this.#lookAs(account);
  }

  async #lookAs(account: string | undefined): Promise<void> {
    const status = await this.#peer.status(account).catch(() => undefined);
    if (status === undefined) return;
    const text = eventText('status', status);
    if (text !== this.#statuses.get(account)) this.#tell((reader) => (seenAs(reader) === account ? text : ''));
    this.#statuses.set(account, text);
  }

  #tell(textFor: (reader: Reader) => string): void {
    for (const [stream, reader] of this.#streams) {
      const text = this.#isGood(reader) && stream.writableLength <= LAG_BYTES_MAX ? textFor(reader) : undefined;
      if (text === undefined) stream.destroy();
      else if (text !== '') stream.write(text);
    }
  }

  /** False once the login is over, or there are accounts and this reader has none. */
  #isGood({ who, account, generation }: Reader): boolean {
    const { people } = this.#peer;
    if (who === undefined) return !people.hasAccounts();
    if (people.sessionKey()?.generation !== generation) return false;
    const now = people.accounts().get(who.user);
    return now !== undefined && now.life === account?.life && now.revision === account.revision && now.admin === account.admin;
  }
}

/** The account whose rights say what a reader is told; undefined: all of it. */
function seenAs({ who, account }: Reader): string | undefined {
  return who === undefined || account?.admin === true ? undefined : who.user;
}

function eventText(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
