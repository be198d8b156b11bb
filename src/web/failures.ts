import { asMeshError, type ErrorCode } from '../core/errors.ts';

/** The status of an answer for each code of the table of errors. */
const STATUS: Record<ErrorCode, number> = {
  failed: 500,
  usage: 400,
  'bad-name': 400,
  'not-found': 404,
  exists: 409,
  unreachable: 503,
  unavailable: 503,
  conflict: 409,
  overtaken: 412,
  'not-allowed': 403,
  busy: 503,
  full: 507,
  paused: 503,
  gone: 503,
  corrupt: 503,
  'bad-place': 409,
  changed: 409,
  timeout: 504,
  closed: 503,
  protocol: 502,
};

/** What a request is refused with. */
export class WebFailure extends Error {
  readonly status: number;
  /** A word of the table of errors, or of this door alone. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Anything thrown, as it is answered: never a trace, and of what nobody foresaw only that it happened. */
export function failureOf(thrown: unknown): WebFailure {
  if (thrown instanceof WebFailure) return thrown;
  const { code, message, cause } = asMeshError(thrown);
  const foreign = thrown as { statusCode?: unknown; message?: unknown };
  const status = typeof foreign.statusCode === 'number' ? foreign.statusCode : undefined;
  // Of the server below: a body too long, or of a kind that is not taken.
  if (status !== undefined && status >= 400 && status < 500) return new WebFailure(status, 'usage', String(foreign.message));
  if (code === 'failed' && cause === thrown) return new WebFailure(500, 'failed', 'the peer failed at this; its log tells why');
  const later = STATUS[code] === 503 ? { 'retry-after': '2' } : {};
  return new WebFailure(STATUS[code], code, message, later);
}

/** Characters of a reason that are logged. */
const REASON_LENGTH_MAX = 500;

/** Anything thrown, as it is logged: in one line, whatever names are in it, and where it came from when nobody foresaw it. */
export function reasonOf(thrown: unknown): string {
  const { code, message, cause } = asMeshError(thrown);
  const at = cause === thrown && thrown instanceof Error ? (/\n\s+(at .*)/.exec(thrown.stack ?? '')?.[1] ?? '') : '';
  const text = [`${code}: ${message}`, at].join(' ').trim();
  return text.slice(0, REASON_LENGTH_MAX).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

export function bodyOf({ code, message }: WebFailure): { error: { code: string; message: string } } {
  return { error: { code, message } };
}
