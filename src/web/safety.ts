import { isIP } from 'node:net';
import { WebFailure } from './failures.ts';

/** The head of a request, as far as it tells who sends it. */
export interface RequestHead {
  readonly method: string;
  /** Path without its query. */
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site: browsers say it of themselves, and no page can change it. */
  readonly site: string | undefined;
  /** Sec-Fetch-Mode. */
  readonly mode: string | undefined;
  readonly hasCookie: boolean;
  /** The header `x-filemesh` is there: no page of another place can send it without being asked first. */
  readonly isMarked: boolean;
}

/** Where this door is: its scheme, its port, and names beside addresses that lead to it. */
export interface Standing {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** On the loopback only: then no other host than this one may be named. */
  readonly isLocal: boolean;
  readonly names: ReadonlySet<string>;
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);
/** These change nothing. */
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Says only that somebody is there: another page of this mesh may ask it. */
const OPEN_PATHS = new Set(['/healthz']);

/**
 * The one gate of all requests: what a page of another place makes a browser send is refused. `Host` must be this door, so that
 * no name of somebody else's that leads here is believed (DNS rebinding). What browsers say of the sender must be this door or the
 * person; a program, that says nothing, is let in. What changes something, from a browser or with a cookie, must bear the mark.
 */
export function refusalOf(head: RequestHead, standing: Standing): WebFailure | undefined {
  if (!METHODS.has(head.method)) return new WebFailure(405, 'usage', 'this method is not known here');
  if (!isOwnHost(head.host, standing)) {
    return new WebFailure(421, 'not-allowed', 'this door does not answer under that name; use the address the peer prints');
  }
  if (OPEN_PATHS.has(head.path) && READING.has(head.method)) return undefined;
  const own = `${standing.scheme}://${head.host}`.toLowerCase();
  if (head.origin !== undefined && head.origin.toLowerCase() !== own) return foreign();
  const { site } = head;
  const isReading = READING.has(head.method);
  // Typed by the person, or a link followed from another page: shows what is here to that person alone.
  const isVisit = isReading && head.mode === 'navigate' && head.path === '/';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit) return foreign();
  const isBrowser = head.origin !== undefined || site !== undefined || head.hasCookie;
  if (!isReading && isBrowser && (!head.isMarked || site === 'none')) return foreign();
  return undefined;
}

function isOwnHost(host: string | undefined, { port, scheme, isLocal, names }: Standing): boolean {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z.-]+)(?::(\d{1,5}))?$/.exec(host ?? '');
  if (parts === null) return false;
  const name = (parts[1] ?? '').toLowerCase();
  const usual = scheme === 'https' ? 443 : 80;
  if (Number(parts[2] ?? usual) !== port) return false;
  // The address it was told to be at is its own also where that is another one of the loopback.
  if (LOOPBACK.has(name) || names.has(name)) return true;
  // A number cannot be made to lead elsewhere than it says.
  return !isLocal && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function foreign(): WebFailure {
  return new WebFailure(403, 'not-allowed', 'this was asked by a page of another place, or without the header "x-filemesh: 1"');
}

/** Said with every answer: nothing of other places runs in the page, and no page shows it in a frame. */
export function safeHeaders(): Record<string, string> {
  return {
    'content-security-policy': policyOf([]),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  };
}

/** What a document or a worker of this door may do; `connects`: addresses elsewhere that it may ask. */
export function policyOf(connects: readonly string[]): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    `connect-src ${["'self'", ...connects].join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** For the content of a file, which anybody may have written: whatever it is, it runs as nobody. */
export const CONTENT_POLICY =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";
