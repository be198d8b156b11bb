import { createHash } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import type { AccountFact, FoundingFact } from '../core/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { RequestId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ask, CallName, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { hostOf, isLoopback } from '../wire/remote-host.ts';
import type { Answered, Answerer, Switchboard } from '../wire/switchboard.ts';
import { firstWithin } from './answer-bytes.ts';
import { type Audit, deedKey, LOGIN_REFUSED, type LogEntry } from './audit.ts';
import type { Sessions } from './sessions.ts';

/** A peer that does not answer in time is left out. */
const ASK_DEADLINE_MS = 3_000;
const SUBJECT_MAX = 2_100;
/** Digits that stand for a request, or for a password that was set. */
const MADE_DIGITS = 16;

/** What was done, with what, and what came of it (see `logEntryShape`); undefined: nothing worth noting. */
type Deed = { readonly action: string; readonly subject?: string; readonly made?: string } | undefined;
type Telling<N extends CallName> = (ask: Ask<N>, reply: Reply<N>) => Deed;

/** What is noted: each change, each login, and what admins do. */
const DEEDS: { readonly [N in CallName]?: Telling<N> } = {
  login: (_ask, { token }) => (token === undefined ? undefined : { action: 'login' }),
  change: ({ change }, { done }) => {
    // Sent on to another peer: that one notes it.
    if (done.length === 0) return undefined;
    const action = CHANGE_WORDS[change.kind] ?? change.kind;
    return { action, subject: change.kind === 'rename' ? `${change.path} -> ${change.to}` : change.path, ...versionMade(done) };
  },
  'user-add': ({ name, admin, request }, { first }) => {
    return { action: 'user add', subject: admin || first ? `${name} (admin)` : name, ...madeBy(request) };
  },
  'user-passwd': ({ user, request }, { wait }) => {
    return wait === undefined ? { action: 'user passwd', subject: user, ...madeBy(request) } : undefined;
  },
  'user-remove': ({ user, request }) => ({ action: 'user remove', subject: user, ...madeBy(request) }),
  grant: ({ path, who, right, request }) => ({ action: 'grant', subject: `${path} ${who} ${right}`, ...madeBy(request) }),
  invite: () => ({ action: 'invite' }),
  remove: ({ peer }, { removed }) => (removed ? { action: 'remove', subject: peer } : undefined),
  set: ({ name, value, request }) => ({ action: 'set', subject: `${name} ${value}`, ...madeBy(request) }),
  resume: ({ how }) => ({ action: 'resume', subject: how }),
};

/** Passwords that were wrong. */
const REFUSED: { readonly [N in CallName]?: string } = { login: LOGIN_REFUSED, 'user-passwd': 'user passwd refused' };

const CHANGE_WORDS: Readonly<Record<string, string>> = { put: 'upload', 'resolve-both': 'resolve' };

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly switchboard: Pick<Switchboard, 'peers'>;
  readonly sessions: Sessions;
  readonly audit: Audit;
}

/** Notes what clients do, once there are accounts, and answers `log` by what all live peers have noted. */
export class Noting {
  readonly #slice: Slice;
  #founder: FoundingFact | undefined;
  /** As they were before the last change. */
  readonly #accounts = new Map<string, AccountFact>();

  constructor(slice: Slice) {
    const { catalog } = slice;
    this.#slice = slice;
    this.#founder = catalog.people.founder();
    for (const account of catalog.people.accounts().values()) this.#accounts.set(account.name, account);
    catalog.onFacts((changed) => {
      this.#noteFounder();
      for (const fact of changed) if (fact.kind === 'account') this.#noteOvertaken(fact);
    });
  }

  /** `answerer`, and what came of it is noted. */
  noted<N extends CallName>(name: N, answerer: Answerer<N>): Answerer<N> {
    const tells = DEEDS[name] as Telling<N> | undefined;
    if (tells === undefined) return answerer;
    return async (ask, from, tail) => {
      // As it was before: a changed password ends the session it was changed by.
      const user = name === 'login' ? undefined : this.#slice.sessions.personOf(from)?.name;
      try {
        const answered = await answerer(ask, from, tail);
        this.#note(tells(ask, replyOf(answered)), user ?? nameIn(ask), from);
        return answered;
      } catch (thrown) {
        const action = asMeshError(thrown).code === 'not-allowed' ? REFUSED[name] : undefined;
        if (action !== undefined) {
          const subject = action === LOGIN_REFUSED ? '' : nameIn(ask);
          this.#note({ action, subject }, user ?? nameIn(ask), from, this.#hostOf(ask, from));
        }
        throw thrown;
      }
    };
  }

  /** What whoever runs this peer did, by starting it so. */
  noteHere(action: string, user: string): void {
    this.#noteOne({ user, action, subject: '', from: '' });
  }

  /** The newest entries, of one's own unless an admin asks; `ask`: of the other peers too. */
  async log(ask: Ask<'log'>, from: Link): Promise<Reply<'log'>> {
    const { catalog, sessions } = this.#slice;
    if (!catalog.people.hasAccounts()) throw new MeshError('usage', 'this mesh has no accounts');
    if (from.role === 'peer') return await this.#here(ask);
    const person = sessions.personOf(from);
    if (person === undefined) throw new MeshError('not-allowed', 'this client is not logged in');
    if (!person.admin && ask.user !== undefined && ask.user !== person.name)
      throw new MeshError('not-allowed', 'what others did is for admins to see');
    // Who had the name before is another one.
    const wish = person.admin ? ask : { ...ask, user: person.name, life: person.life };
    return merged([await this.#here(wish), ...(await this.#elsewhere(wish))], ask.limit);
  }

  /** Of two accounts made at once, each the first, one is an admin no more: told by every peer that had believed so. */
  #noteFounder(): void {
    const [before, now] = [this.#founder, this.#slice.catalog.people.founder()];
    this.#founder = now;
    if (before === undefined || now === undefined || before.name === now.name) return;
    const [action, subject] = ['not the first', `${now.name} is the admin: both accounts were made at once`];
    this.#noteOne({ user: before.name, action, subject, from: '', made: before.lot });
  }

  /** Of two passwords set at two peers that could not hear each other one counts: told by every peer that had taken the other. */
  #noteOvertaken(now: AccountFact): void {
    const before = this.#accounts.get(now.name);
    this.#accounts.set(now.name, now);
    if (before === undefined || before.life !== now.life || now.removed || before.verifier === now.verifier) return;
    const known = new Set(before.made?.map(({ words }) => words));
    const latest = before.made?.[0]?.turn ?? -1;
    // What follows from `before` was done after all of that.
    const isFollowing = !now.made?.some(({ turn, words }) => turn <= latest && !known.has(words));
    if (isFollowing) return;
    const [action, subject] = ['password overtaken', 'another one was set at the same time, and counts'];
    const made = digestOf(`filemesh overtaken\0${before.verifier}`);
    this.#noteOne({ user: now.name, action, subject, from: '', made });
  }

  async #here({ before = Number.POSITIVE_INFINITY, user, life, limit }: Ask<'log'>): Promise<Reply<'log'>> {
    const isOf = (entry: LogEntry) => entry.user === user && (life === undefined || (entry.life ?? 0) === life);
    const isWanted = (entry: LogEntry) => entry.at < before && (user === undefined || isOf(entry));
    const entries = await this.#slice.audit.newest(isWanted, limit + 1);
    return pageOf(entries, limit, false);
  }

  async #elsewhere(ask: Ask<'log'>): Promise<Reply<'log'>[]> {
    const { catalog, switchboard } = this.#slice;
    const links = switchboard.peers();
    const answers = await Promise.allSettled(links.map((link) => link.call('log', ask, { deadlineMs: ASK_DEADLINE_MS })));
    return answers.flatMap((answer, index) => {
      if (answer.status !== 'fulfilled') return [];
      const { entries, more } = answer.value.reply;
      // Each tells what it carried out itself: none says that another one did.
      const peer = catalog.shownName((links[index] as Link).peer);
      return [{ more, entries: entries.map((entry) => ({ ...entry, peer })) }];
    });
  }

  /** Where somebody is who shows a password: they have no session yet. */
  #hostOf(ask: object, from: Link): string {
    const host = hostOf(from.remoteAddress);
    const told = (ask as { from?: string }).from;
    return told !== undefined && isLoopback(host) ? hostOf(told) : host;
  }

  #note(deed: Deed, user: string, from: Link, host: string = this.#slice.sessions.hostOf(from)): void {
    if (deed === undefined || from.role === 'peer' || !this.#slice.catalog.people.hasAccounts()) return;
    const { action, subject = '', made } = deed;
    this.#noteOne({ user, action, subject: subject.slice(0, SUBJECT_MAX), from: host, ...(made !== undefined && { made }) });
  }

  #noteOne(deed: Pick<LogEntry, 'user' | 'action' | 'subject' | 'from' | 'made'>): void {
    const { catalog, clock, audit } = this.#slice;
    const life = catalog.people.accountFact(deed.user)?.life ?? 0;
    audit.note({ at: clock.wall(), ...deed, ...(life > 0 && { life }), peer: catalog.shownName(catalog.self) });
  }
}

/** The newest of all lists: none older than where one of them broke off. */
function merged(replies: readonly Reply<'log'>[], limit: number): Reply<'log'> {
  const floor = Math.max(...replies.map(({ entries, more }) => (more ? (entries.at(-1)?.at ?? 0) : Number.NEGATIVE_INFINITY)));
  const entries = replies.flatMap((reply) => reply.entries).filter(({ at }) => at >= floor);
  const isCut = replies.some(({ more }) => more);
  const newest = entries.sort((a, b) => b.at - a.at || (a.peer < b.peer ? -1 : 1));
  return pageOf(eachOnce(newest), limit, isCut);
}

/** What was asked for again, most often at a second peer, was done once, at the first one. `entries`: newest first. */
function eachOnce(entries: readonly LogEntry[]): LogEntry[] {
  const first = new Map(entries.map((entry) => [deedKey(entry), entry] as const));
  return entries.filter((entry) => entry.made === undefined || first.get(deedKey(entry)) === entry);
}

/** The same at all peers that are asked for one thing, and the id itself, by which others could say that it was theirs, is not told. */
function madeBy(request: RequestId | undefined): { made?: string } {
  return request === undefined ? {} : { made: digestOf(`filemesh deed\0${request}`) };
}

function digestOf(words: string): string {
  return createHash('sha256').update(words).digest('hex').slice(0, MADE_DIGITS);
}

/** A change makes one version at most of each name, whoever is asked for it how often. */
function versionMade(done: Reply<'change'>['done']): { made?: string } {
  const made = done[0]?.version;
  return made === undefined ? {} : { made };
}

/** As many as one answer holds. The next page begins before the last time of this one: so entries of one time are not parted. */
function pageOf(entries: readonly LogEntry[], limit: number, more: boolean): Reply<'log'> {
  const fitting = firstWithin(entries.slice(0, limit));
  if (fitting.length === entries.length) return { entries: fitting, more };
  const next = entries[fitting.length]?.at;
  const whole = fitting.filter(({ at }) => at !== next);
  return { entries: whole.length > 0 ? whole : fitting, more: true };
}

function replyOf<N extends CallName>(answered: Answered<N>): Reply<N> {
  return (typeof answered === 'object' && 'reply' in answered ? answered.reply : answered) as Reply<N>;
}

/** Who somebody says they are. */
function nameIn(ask: object): string {
  const { user, name } = ask as { user?: string; name?: string };
  return user ?? name ?? '';
}
