import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import type { AccountFact } from '../core/accounts.ts';
import type { FilePath, RequestId } from '../core/ids.ts';
import type { Folder } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { PasswordHasher } from '../platform/hasher.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store.ts';
import type { Ask, CallName, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import { Accounts } from './accounts.ts';
import { Administration, type MembershipSlice } from './administration.ts';
import { Audit } from './audit.ts';
import { Changes } from './changes.ts';
import { Claiming } from './claiming.ts';
import { Claims } from './claims.ts';
import { Copies } from './copies.ts';
import { Entries } from './entries.ts';
import { FolderLists } from './folder-lists.ts';
import { Granting } from './granting.ts';
import { checkNeed } from './guard.ts';
import { History } from './history.ts';
import { InTurn } from './in-turn.ts';
import { Noting } from './noting.ts';
import { Planner } from './plans.ts';
import { Pulling } from './pulling.ts';
import { RunReceiver } from './run-receiver.ts';
import { ALL_SEEN, Sessions } from './sessions.ts';
import { StripedUploads } from './striped-uploads.ts';
import { MeshTraffic, type OthersTraffic, type Traffic } from './traffic.ts';
import { Uploads } from './uploads.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly waiters: PathWaiters;
  readonly membership: MembershipSlice;
  readonly hasher: PasswordHasher;
  readonly random: Random;
  readonly store: Store;
  /** Why a path has too few copies, in words, as far as this peer knows. */
  readonly noteOf: (path: FilePath) => string | undefined;
}

interface Uploading {
  readonly switchboard: Switchboard;
  readonly catalog: Catalog;
  readonly sessions: Sessions;
  readonly uploads: Uploads;
  readonly stripes: StripedUploads;
  readonly changes: Changes;
  readonly noting: Noting;
}

interface People {
  readonly accounts: Accounts;
  readonly granting: Granting;
  readonly noting: Noting;
}

/** Answers what clients ask, and the claims of other peers. A table of contents: each answerer is a file of its own. */
export class Server {
  readonly #stopping: readonly { stop(): void }[];
  readonly #administration: Administration;
  readonly #accounts: Accounts;
  readonly #sessions: Sessions;
  readonly #noting: Noting;
  readonly #traffic: MeshTraffic;

  constructor(options: ServerOptions) {
    const { catalog, switchboard } = options;
    const entries = new Entries(options);
    const folders = new FolderLists({ ...options, entries });
    const uploads = new Uploads({ ...options, entries });
    const sessions = new Sessions(options);
    const receiver = new RunReceiver({ ...options, askerNamed: (name) => sessions.sightNamed(name) });
    const stripes = new StripedUploads({ ...options, receiver });
    const claims = new Claims(options);
    const claiming = new Claiming({ ...options, claims });
    const history = new History(options);
    const pulling = new Pulling({ ...options, history });
    const copies = new Copies({ ...options, reasonOf: (path) => entries.reasonOf(path) });
    const planner = new Planner(catalog);
    const changes = new Changes({ ...options, entries, uploads, stripes, claiming, copies, planner, pulling });
    const administration = new Administration(options);
    const noting = new Noting({ ...options, sessions, audit: new Audit(options) });
    this.#sessions = sessions;
    this.#accounts = new Accounts({ ...options, sessions });
    this.#noting = noting;
    this.#answerPeople(switchboard, { accounts: this.#accounts, granting: new Granting({ ...options, sessions }), noting });
    switchboard.guard((name, ask, from) => {
      if (!this.#accounts.isRepeated(name, ask)) assertMay(catalog, sessions, name, ask, from);
    });
    this.#answerUploads({ switchboard, catalog, sessions, uploads, stripes, changes, noting });
    this.#stopping = [uploads, stripes, receiver];
    this.#administration = administration;
    this.#traffic = new MeshTraffic(options);

    switchboard.answer('list', (ask, from) => entries.list(ask, sessions.sightOf(from)));
    switchboard.answer('folder', (ask, from) => folders.list(ask, sessions.sightOf(from)));
    switchboard.answer('locate', (ask, from) => entries.locate(ask.path, from.role === 'client'));
    switchboard.answer('run-open', (ask, _from, tail) => receiver.open(ask, tail));
    switchboard.answer('run-write', async (ask, _from, tail) => {
      const { length } = tail;
      await receiver.write(ask, tail);
      giveBackTail(tail);
      await switchboard.limits.down?.pass(`run/${ask.upload}`, length);
      return {};
    });
    switchboard.answer('run-keep', async (ask) => {
      await receiver.keep(ask);
      return {};
    });
    switchboard.answer('claim', async (ask, from) => {
      claims.grant(ask, from);
      return {};
    });
    switchboard.answer('release', async (ask, from) => {
      await claims.release(ask, from);
      return {};
    });
    switchboard.onDown((link) => claims.dropLink(link));
    switchboard.answer('history', (ask) => history.of(ask));
    switchboard.answer('read-old', (ask, from) => history.readOld(ask, from.role === 'client'));
    switchboard.answer('peers', async () => administration.peers());
    switchboard.answer('status', (_ask, from) => administration.status(sessions.sightOf(from)));
    switchboard.answer(
      'invite',
      noting.noted('invite', async () => administration.invite()),
    );
    switchboard.answer(
      'remove',
      noting.noted('remove', (ask) => administration.remove(ask)),
    );
    switchboard.answer(
      'set',
      noting.noted('set', (ask) => administration.set(ask)),
    );
    switchboard.answer(
      'resume',
      noting.noted('resume', (ask) => administration.resume(ask)),
    );
  }

  /** An upload is known to who began it, by the id they gave it. */
  #answerUploads({ switchboard, catalog, sessions, uploads, stripes, changes, noting }: Uploading): void {
    const own = <A extends { readonly upload: RequestId }>(ask: A, from: Link): A => {
      return { ...ask, upload: sessions.ownUpload(ask.upload, from) };
    };
    switchboard.answer('begin', (ask, from) => uploads.begin(own(ask, from), { link: from, asker: sessions.sightOf(from) }));
    switchboard.answer('chunks', (ask, from, tail) => uploads.chunks(own(ask, from), tail));
    switchboard.answer('stripe', (ask, from, tail) => {
      const { all, name } = sessions.sightOf(from);
      return stripes.begin({ ...own(ask, from), ...(!all && { by: name }) }, tail, from);
    });
    switchboard.answer('write', (asked, from, tail) => {
      const ask = own(asked, from);
      return stripes.has(ask.upload) ? stripes.write(ask, tail) : uploads.write(ask, tail);
    });
    switchboard.answer(
      'change',
      noting.noted('change', (ask, from) => {
        const change = 'upload' in ask.change ? own(ask.change, from) : ask.change;
        const assertMayStill = () => assertMay(catalog, sessions, 'change', ask, from);
        return changes.carryOut({ ...ask, change }, sessions.sightOf(from).name, assertMayStill);
      }),
    );
  }

  #answerPeople(switchboard: Switchboard, { accounts, granting, noting }: People): void {
    const turns = new InTurn();
    switchboard.answer('log', (ask, from) => noting.log(ask, from));
    switchboard.answer(
      'login',
      noting.noted('login', (ask, from) => accounts.login(ask, from)),
    );
    switchboard.answer('session', (ask, from) => accounts.session(ask, from));
    switchboard.answer('logout', (_ask, from) => accounts.logout(from));
    switchboard.answer(
      'user-add',
      noting.noted(
        'user-add',
        turns.of((ask, from) => accounts.add(ask, from)),
      ),
    );
    switchboard.answer(
      'user-passwd',
      noting.noted('user-passwd', (ask, from) => accounts.passwd(ask, from)),
    );
    switchboard.answer(
      'user-remove',
      noting.noted(
        'user-remove',
        turns.of((ask) => accounts.remove(ask)),
      ),
    );
    switchboard.answer('users', () => accounts.users());
    switchboard.answer(
      'grant',
      noting.noted(
        'grant',
        turns.of((ask, from) => granting.grant(ask, from)),
      ),
    );
    switchboard.answer('rights', (ask) => granting.rights(ask));
  }

  /** See `Accounts.recover`. */
  async recoverAdmin(name: string, proof: string): Promise<void> {
    await this.#accounts.recover(name, proof);
    this.#noting.noteHere('recover admin', name);
  }

  /** See `Sessions.check`. */
  accountOf(token: string): AccountFact {
    return this.#sessions.check(token);
  }

  /** As that account sees it; without a name all of it. */
  status(account?: string): Promise<Reply<'status'>> {
    return this.#administration.status(account === undefined ? ALL_SEEN : this.#sessions.sightOfAccount(account));
  }

  peers(): Reply<'peers'> {
    return this.#administration.peers();
  }

  traffic(): Traffic {
    return this.#traffic.own();
  }

  othersTraffic(): Promise<OthersTraffic> {
    return this.#traffic.others();
  }

  stop(): void {
    for (const one of this.#stopping) one.stop();
  }
}

/** Throws what a call of a client is refused with; a peer may do what it asks. */
function assertMay<N extends CallName>({ people }: Catalog, sessions: Sessions, name: N, ask: Ask<N>, from: Link): void {
  if (from.role === 'client' && people.hasAccounts()) checkNeed(name, ask, sessions.personOf(from), people.rights());
}
