import type { ChangeResult, HistoryItem, ShownFile, StatusResult, WhereResult } from '../../client/results.ts';
import { fileUrl } from './paths.ts';
import { askedMsOf } from './patience.ts';

/** What the page asks of its peer: the paths that openapi.json describes. */

export type { ShownFile, StatusResult, WhereResult };

/** A peer that lives has answered by then, however busy: one that hangs, or lost its cable, never does. */
export const ANSWER_MS = 10_000;
/** Names of one page of a list; of the first one, which somebody waits for, what any screen shows. */
const PAGE_ENTRIES = 250;
const FIRST_PAGE_ENTRIES = 100;
/** Of the log at once, as many as a peer tells. */
const LOG_ENTRIES = 500;

export interface SessionResult {
  /** Who is logged in; null before the first account exists, and for a stranger. */
  readonly user: string | null;
  readonly admin: boolean;
  /** Accounts exist: one has to log in. */
  readonly accounts: boolean;
  readonly mesh: string | null;
  /** What the salt of passwords begins with. */
  readonly meshId: string | null;
  /** The one that serves the page; null to a stranger from another machine. */
  readonly peer: { readonly id: string; readonly name: string } | null;
}

export interface PagePeer {
  readonly id: string;
  readonly name: string;
  readonly address?: string | null;
  /** Where its own page is. */
  readonly http?: string | null;
  readonly alive: boolean;
  /** Since when it is here, or away: ISO 8601. */
  readonly since?: string;
  readonly paused?: string | null;
  readonly self?: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly capacity: number;
}

/** File data that a peer has moved since it started: in all, and by who was at the other end. */
export interface Traffic {
  readonly inBytes: number;
  readonly outBytes: number;
  /** `id`: of a peer, or `clients` for all of those together. */
  readonly links: readonly { readonly id: string; readonly inBytes: number; readonly outBytes: number }[];
}

/** What the other peers said of theirs. */
export interface OthersTraffic {
  /** When they were asked, by the clock of the peer of this page. */
  readonly atMs: number;
  readonly peers: readonly (Traffic & { readonly id: string })[];
  /** The ids of those that told nothing. */
  readonly silent: readonly string[];
}

/** What a change made: one item a file. */
export interface Changes {
  readonly changes: readonly ChangeResult[];
}

export interface PastVersion extends HistoryItem {
  readonly current: boolean;
}

interface FolderItem {
  readonly name: string;
  readonly files?: number;
}

export interface FolderPage {
  readonly folders: readonly FolderItem[];
  readonly files: readonly ShownFile[];
  readonly next?: string;
}

export type Sort = 'name' | 'size' | 'modified';

export interface Account {
  readonly name: string;
  readonly admin: boolean;
  readonly recipient?: string;
}

export type Right = 'read' | 'write' | 'none';

export interface RightItem {
  readonly who: string;
  readonly right: Right;
  /** The folder whose grant says so. */
  readonly from?: string;
}

export interface LogEntry {
  /** ISO 8601, and the same in wall ms. */
  readonly time: string;
  readonly at: number;
  readonly user: string;
  readonly action: string;
  /** What it was done to; may be empty. */
  readonly subject: string;
  readonly from: string;
  readonly peer: string;
}

export interface RemoveResult {
  readonly onlyThere: readonly string[];
  readonly more: number;
  readonly removed: boolean;
}

/** An answer that is no success: `code` of the table of errors, `message` for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** The peer asks not to be asked again before that; 0: it does not say. */
  readonly pauseMs: number;

  constructor(code: string, status: number, message: string, pauseMs = 0) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.pauseMs = pauseMs;
  }
}

/** Who wants to know that the peer takes this page for nobody's: a login ends while one is at work. */
export const loggedOut = { tell: (): void => undefined };

/** What a caught error says to a person. */
export function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Asks; rejects with `ApiError`, of code `unreachable` and status 0 when nobody answers. */
export async function ask<T>(
  method: string,
  path: string,
  options: { body?: unknown; headers?: HeadersInit; signal?: AbortSignal } = {},
): Promise<T> {
  const reply = await send(method, path, {
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    headers: { ...(options.body !== undefined && { 'content-type': 'application/json' }), ...options.headers },
    ...(options.signal && { signal: options.signal }),
  });
  const text = await reply.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** The same for bodies of any kind. */
export async function send(method: string, path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  headers.set('x-filemesh', '1');
  let reply: Response;
  try {
    reply = await fetch(path, { ...options, method, headers, credentials: 'same-origin', cache: 'no-store' });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw new ApiError('unreachable', 0, 'The peer behind this page does not answer.');
  }
  if (!reply.ok) throw await errorOf(reply);
  return reply;
}

async function errorOf(reply: Response): Promise<ApiError> {
  const body: unknown = await reply.json().catch(() => undefined);
  const error = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  if (error?.code === 'not-logged-in') loggedOut.tell();
  return new ApiError(
    error?.code ?? 'failed',
    reply.status,
    sentence(error?.message ?? `The peer answered with ${reply.status}.`),
    askedMsOf(reply.headers.get('retry-after')),
  );
}

/** Messages of the mesh begin small and name commands, as for a terminal. */
export function sentence(message: string): string {
  const [head = '', ...more] = message.split('; ');
  const text = [head, ...more.filter((part) => !part.includes('"filemesh '))].join('; ');
  const first = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

function query(values: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== false && value !== '');
  return new URLSearchParams(given.map(([name, value]) => [name, value === true ? '1' : String(value)])).toString();
}

function limitOf(after: string | undefined): number {
  return after === undefined ? FIRST_PAGE_ENTRIES : PAGE_ENTRIES;
}

export const api = {
  session: () => ask<SessionResult>('GET', '/api/v1/session', { signal: AbortSignal.timeout(ANSWER_MS) }),
  /** `q`: all below the folder whose names have these words. */
  folder: (
    asked: { path: string; q?: string | undefined; after?: string | undefined; sort: Sort; descending: boolean },
    signal: AbortSignal,
  ) => ask<FolderPage>('GET', `/api/v1/folder?${query({ ...asked, limit: limitOf(asked.after) })}`, { signal }),
  files: (asked: { after?: string | undefined; deleted?: boolean; conflicts?: boolean }, signal: AbortSignal) =>
    ask<{ files: readonly ShownFile[]; next?: string }>(
      'GET',
      `/api/v1/files?${query({ ...asked, limit: limitOf(asked.after) })}`,
      {
        signal,
      },
    ),
  where: (path: string, chunks = false) => ask<WhereResult>('GET', `/api/v1/where?${query({ path, chunks })}`),
  history: (path: string) =>
    ask<{ files: readonly { path: string; versions: readonly PastVersion[] }[] }>('GET', `/api/v1/history?${query({ path })}`),
  /** A file, or all of a folder. */
  rename: (from: string, to: string) => ask<Changes>('POST', '/api/v1/rename', { body: { from, to } }),
  /** A file, or all of a folder. */
  remove: (path: string) => ask<Changes>('DELETE', fileUrl(path)),
  restore: (path: string, version?: string) =>
    ask<Changes>('POST', '/api/v1/restore', { body: { path, ...(version && { version }) } }),
  keep: (path: string, keep: string) => ask<Changes>('POST', '/api/v1/resolve', { body: { path, keep } }),
  keepBoth: (path: string) => ask<Changes>('POST', '/api/v1/resolve', { body: { path, keepBoth: true } }),
  users: async () => listOf<Account>(await ask<unknown>('GET', '/api/v1/users'), 'users'),
  rights: async (path: string) => listOf<RightItem>(await ask<unknown>('GET', `/api/v1/rights?${query({ path })}`), 'rights'),
  grant: (path: string, who: string, right: Right) => ask<unknown>('POST', '/api/v1/rights', { body: { path, who, right } }),
  /** The newest first; `before`: older than that. */
  log: (before?: number) =>
    ask<{ entries: readonly LogEntry[]; more: boolean }>('GET', `/api/v1/log?${query({ limit: LOG_ENTRIES, before })}`),
  traffic: () => ask<OthersTraffic>('GET', '/api/v1/traffic', { signal: AbortSignal.timeout(ANSWER_MS) }),
  invite: () => ask<{ join: string }>('POST', '/api/v1/invite', { body: {} }),
  removePeer: (peer: string, confirm: boolean) => ask<RemoveResult>('POST', '/api/v1/remove', { body: { peer, confirm } }),
  /** Answers the peer that does not believe its folder. */
  resume: (how: 'deleted' | 'restore') => ask<unknown>('POST', '/api/v1/resume', { body: { how } }),
  setReplicas: (replicas: number) => ask<unknown>('POST', '/api/v1/settings', { body: { replicas } }),
};

/** A list, whether it comes bare or under its name. */
function listOf<T>(reply: unknown, name: string): readonly T[] {
  return (Array.isArray(reply) ? reply : ((reply as Record<string, unknown>)[name] ?? [])) as readonly T[];
}

export function peersOf(reply: unknown): readonly PagePeer[] {
  return listOf<PagePeer>(reply, 'peers');
}
