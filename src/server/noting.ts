import { createHash } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import type { FoundingFact } from '../core/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import { factKey } from '../core/facts.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ask, CallName, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Answered, Answerer, Switchboard } from '../wire/switchboard.ts';
import { firstWithin } from './answer-bytes.ts';
import { type Audit, LOGIN_REFUSED, type LogEntry } from './audit.ts';
import { hostOf, isLoopback } from './remote-host.ts';
import type { Sessions } from './sessions.ts';

/** A peer that does not answer in time is left out. */
const ASK_DEADLINE_MS = 3_000;
const SUBJECT_MAX = 2_100;
/** Digits that stand for a fact. */
const MADE_DIGITS = 16;

/** What was done, with what, and what came of it (see `logEntryShape`); undefined: nothing worth noting. */
type Deed = { readonly action: string; readonly subject?: string; readonly made?: string } | undefined;
/** `made`: what stands for the fact of that key, as it is now. */
type Telling<N extends CallName> = (ask: Ask<N>, reply: Reply<N>, made: (key: string) => string) => Deed;

/** What is noted: each change, each login, and what admins do. */
const DEEDS: { readonly [N in CallName]?: Telling<N> } = {
  login: (_ask, { token }) => (token === undefined ? undefined : { action: 'login' }),
  change: ({ change }, { done }) => {
    // Sent on to another peer: that one notes it.
    if (done.length === 0) return undefined;
    const action = CHANGE_WORDS[change.kind] ?? change.kind;
    return { action, subject: change.kind === 'rename' ? `${change.path} -> ${change.to}` : change.path, ...madeBy(done) };
  },
  'user-add': ({ name, admin }, { first }, made) => {
    return { action: 'user add', subject: admin || first ? `${name} (admin)` : name, made: made(`account/${name}`) };
  },
  'user-passwd': ({ user }, { wait }, made) => {
    return wait === undefined ? { action: 'user passwd', subject: user, made: made(`account/${user}`) } : undefined;
  },
  'user-remove': ({ user }, _reply, made) => ({ action: 'user remove', subject: user, made: made(`account/${user}`) }),
  grant: ({ path, who, right }, _reply, made) => {
    const key = factKey({ kind: 'grant', path, who, right, life: 0, homeLife: 0, revision: 0 });
    return { action: 'grant', subject: `${path} ${who} ${right}`, made: made(key) };
  },
  invite: () => ({ action: 'invite' }),
  remove: ({ peer }, { removed }) => (removed ? { action: 'remove', subject: peer } : undefined),
  set: ({ name, value }) => ({ action: 'set', subject: `${name} ${value}` }),
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

  constructor(slice: Slice) {
    const { catalog } = slice;
    this.#slice = slice;
    this.#founder = catalog.people.founder();
    catalog.onFacts(() => this.#noteFounder());
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
        const deed = tells(ask, replyOf(answered), (key) => this.#madeOf(key));
        this.#note(deed, user ?? nameIn(ask), from);
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
    const { catalog, clock, audit } = this.#slice;
    audit.note({ at: clock.wall(), user, action, subject: '', from: '', peer: catalog.shownName(catalog.self) });
  }

  /** The newest entries, of one's own unless an admin asks; `ask`: of the other peers too. */
  async log(ask: Ask<'log'>, from: Link): Promise<Reply<'log'>> {
    const { catalog, sessions } = this.#slice;
    if (!catalog.people.hasAccounts()) throw new MeshError('usage', 'this mesh has no accounts');
    if (from.role === 'peer') return await this.#here(ask);
    const person = sessions.personOf(from);
    if (person === undefined) throw new MeshError('not-allowed', 'this client is not logged in');
    const user = person.admin ? ask.user : person.name;
    if (ask.user !== undefined && ask.user !== user) throw new MeshError('not-allowed', 'what others did is for admins to see');
    const wish = { ...ask, ...(user !== undefined && { user }) };
    return merged([await this.#here(wish), ...(await this.#elsewhere(wish))], ask.limit);
  }

  /** Of two accounts made at once, each the first, one is an admin no more: told by every peer that had believed so. */
  #noteFounder(): void {
    const { catalog, clock, audit } = this.#slice;
    const [before, now] = [this.#founder, catalog.people.founder()];
    this.#founder = now;
    if (before === undefined || now === undefined || before.name === now.name) return;
    const [action, subject] = ['not the first', `${now.name} is the admin: both accounts were made at once`];
    const peer = catalog.shownName(catalog.self);
    audit.note({ at: clock.wall(), user: before.name, action, subject, from: '', peer, made: before.lot });
  }

  /** The same at all peers, another one after each change, and tells nothing of what is in it. */
  #madeOf(key: string): string {
    const fact = this.#slice.catalog.facts().find((one) => factKey(one) === key) ?? {};
    const words = JSON.stringify(Object.entries(fact).sort(([a], [b]) => (a < b ? -1 : 1)));
    return createHash('sha256').update(words).digest('hex').slice(0, MADE_DIGITS);
  }

  async #here({ before = Number.POSITIVE_INFINITY, user, limit }: Ask<'log'>): Promise<Reply<'log'>> {
    const isWanted = (entry: LogEntry) => entry.at < before && (user === undefined || entry.user === user);
    const entries = await this.#slice.audit.newest(isWanted, limit + 1);
    return pageOf(entries, limit, false);
  }

  async #elsewhere(ask: Ask<'log'>): Promise<Reply<'log'>[]> {
    const asked = this.#slice.switchboard.peers().map((link) => link.call('log', ask, { deadlineMs: ASK_DEADLINE_MS }));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.reply] : []));
  }

  /** Where somebody is who shows a password: they have no session yet. */
  #hostOf(ask: object, from: Link): string {
    const host = hostOf(from.remoteAddress);
    const told = (ask as { from?: string }).from;
    return told !== undefined && isLoopback(host) ? hostOf(told) : host;
  }

  #note(deed: Deed, user: string, from: Link, host: string = this.#slice.sessions.hostOf(from)): void {
    const { catalog, clock, audit } = this.#slice;
    if (deed === undefined || from.role === 'peer' || !catalog.people.hasAccounts()) return;
    const { action, subject = '', made } = deed;
    audit.note({
      at: clock.wall(),
      user,
      action,
      subject: subject.slice(0, SUBJECT_MAX),
      from: host,
      peer: catalog.shownName(catalog.self),
      ...(made !== undefined && { made }),
    });
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

/** Equal for entries of one deed: who did what, with what, and what came of it. */
function deedKey({ user, action, subject, made = '' }: LogEntry): string {
  return JSON.stringify([user, action, subject, made]);
}

/** What was asked for again, most often at a second peer, was done once, at the first one. `entries`: newest first. */
function eachOnce(entries: readonly LogEntry[]): LogEntry[] {
  const first = new Map(entries.map((entry) => [deedKey(entry), entry] as const));
  return entries.filter((entry) => entry.made === undefined || first.get(deedKey(entry)) === entry);
}

/** A change makes one version at most of each name, whoever is asked for it how often. */
function madeBy(done: Reply<'change'>['done']): { made?: string } {
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
