/** What the page says about numbers and states: words, never codes. */

import { shownSize as sizeWords } from '../../core/shown-size.ts';

export { sizeWords };

export function rateWords(bytesPerSecond: number): string {
  return bytesPerSecond < 1 ? 'nothing' : `${sizeWords(bytesPerSecond)}/s`;
}

/** `1 file`, `1,204 files`. */
export function countWords(count: number, one: string, many = `${one}s`): string {
  return `${numberWords(count)} ${count === 1 ? one : many}`;
}

/** `1,204`. */
export function numberWords(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/*
 * Numbers and times are put into words by hand: what a browser has for it reads the rules of a language at every call, which took
 * longer than all else of showing a list.
 */
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago: `just now`, `5 min ago`, `yesterday`, else the day. */
export function agoWords(time: string | number, nowMs: number): string {
  const then = typeof time === 'number' ? time : Date.parse(time);
  if (!Number.isFinite(then)) return '';
  const ageMs = nowMs - then;
  if (ageMs < MINUTE_MS) return 'just now';
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min ago`;
  if (ageMs < DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h ago`;
  if (ageMs < 2 * DAY_MS) return 'yesterday';
  return dayWords(then, nowMs);
}

function dayWords(then: number, nowMs: number): string {
  const date = new Date(then);
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]?.slice(0, 3)}`;
  return date.getFullYear() === new Date(nowMs).getFullYear() ? day : `${day} ${date.getFullYear()}`;
}

function hourWords(date: Date): string {
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** The whole moment, for a title. */
export function momentWords(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}, ${hourWords(date)}`;
}

/** Since when: the time of day, with the day when it is not today's. */
export function sinceWords(time: string, nowMs: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  const hour = hourWords(date);
  return date.toDateString() === new Date(nowMs).toDateString() ? hour : `${dayWords(date.getTime(), nowMs)}, ${hour}`;
}

/** `40 s left`, `12 min left`. */
export function leftWords(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  return `${Math.round(seconds / 3600)} h left`;
}

/** `alpha`, `alpha and bravo`, `alpha, bravo and charlie`. */
export function listWords(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** What its copies mean to the person whose file it is. */
export function copiesWords(file: {
  readonly copies: number;
  readonly wanted: number;
  readonly available: boolean;
  readonly incomplete?: boolean | undefined;
  readonly holders: readonly string[];
  readonly versions?: readonly { readonly origin: string; readonly unavailable?: boolean }[] | undefined;
}): string {
  if (file.incomplete) return 'Some parts are on peers that are away';
  if (!file.available) return file.holders.length === 0 ? 'No peer has it any more' : `Away with ${listWords(file.holders)}`;
  const away = (file.versions ?? []).filter(({ unavailable }) => unavailable);
  if (away.length > 0) return `The version of ${listWords(away.map(({ origin }) => origin))} cannot be had now`;
  if (file.copies >= file.wanted) return file.copies === 1 ? 'Kept on 1 peer' : `Kept on ${file.copies} peers`;
  return `On ${file.copies} of ${file.wanted} peers so far`;
}

interface Version {
  readonly origin: string;
  readonly holders: readonly string[];
  readonly unavailable?: boolean;
}

/** Where a version is: `on alpha`. */
export function wordsOfHolders({ holders, unavailable }: Version): string {
  if (holders.length === 0) return 'no peer has it any more';
  return `${unavailable ? 'away with' : 'on'} ${listWords(holders)}`;
}

/** Of versions that cannot be had: which come back with a peer, and which with none. */
export function withheldWords(versions: readonly Version[]): string {
  const of = (some: readonly Version[]) => `the version of ${listWords(some.map(({ origin }) => origin))}`;
  const away = versions.filter(({ holders }) => holders.length > 0);
  const lost = versions.filter(({ holders }) => holders.length === 0);
  const words = away.length > 0 ? [`T${of(away).slice(1)} cannot be had until a peer that has it is back.`] : [];
  return [...words, ...(lost.length > 0 ? [`No peer has ${of(lost)} any more.`] : [])].join(' ');
}

/** What is left when a peer is lost. */
export function lossWords(peer: string, left: number): string {
  if (left === 0) return `Without ${peer} it cannot be read`;
  return `Without ${peer} ${left === 1 ? 'one copy is' : `${left} copies are`} left`;
}

/** What the log says of a deed, as a person would. */
const DEEDS: Readonly<Record<string, string>> = {
  login: 'logged in',
  'login refused': 'gave a wrong password',
  create: 'made',
  upload: 'stored',
  delete: 'deleted',
  rename: 'renamed',
  resolve: 'ended the conflict of',
  restore: 'brought back',
  'user add': 'added the account',
  'user passwd': 'changed the password of',
  'user passwd refused': 'gave a wrong old password of',
  'user remove': 'removed the account',
  invite: 'looked at the invitation line',
  remove: 'removed the peer',
  set: 'set',
  resume: 'answered a paused peer:',
};

/** What a right is to whoever has it. */
export const RIGHT_WORDS = { write: 'may read and change', read: 'may read', none: 'does not see' } as const;

export function deedWords(action: string, subject: string): string {
  const [, path = '', who = '', right] = (action === 'grant' && /^(.+) (\S+) (write|read|none)$/.exec(subject)) || [];
  if (right !== undefined) return `said that ${who} ${RIGHT_WORDS[right as keyof typeof RIGHT_WORDS]} ${path}`;
  return [DEEDS[action] ?? action, told(action, subject)].filter((part) => part !== '').join(' ');
}

function told(action: string, subject: string): string {
  if (action === 'rename') return subject.replace(' -> ', ' to ');
  // The name of a peer that is gone is not known any more.
  return action === 'remove' ? subject.replace(/^([0-9a-f]{8})[0-9a-f]{56}$/, '$1…') : subject;
}

/** Where a paused peer's reason begins to name commands. */
const COMMANDS = ' If its files are gone for good on purpose, type ';

/** Why a peer is paused. `isAnswered`: it may be told how to go on; what it says of commands is left to the buttons that do so. */
export function pausedWords(reason: string): { readonly why: string; readonly isAnswered: boolean } {
  const at = reason.indexOf(COMMANDS);
  return at < 0 ? { why: reason, isAnswered: false } : { why: reason.slice(0, at), isAnswered: true };
}
