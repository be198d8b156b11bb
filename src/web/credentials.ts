import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/**
 * The name of the cookie that carries a login. It is the same at every port of a host, so a login goes on at another peer's page.
 * Over TLS browsers take that name from nobody who has none (RFC 6265bis, `__Host-`): another page of that host, or whoever
 * answers for it in the clear, would else log people in as somebody of their choice.
 */
export function cookieName(isSecure: boolean): string {
  return isSecure ? '__Host-filemesh-session' : 'filemesh-session';
}

/** What a request brings to show who it is for. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string };

/** Reads the headers of a request; undefined: it brings nothing, or nothing that can be understood. */
export function credentialsOf({ headers, protocol }: Pick<FastifyRequest, 'headers' | 'protocol'>): Credentials | undefined {
  const { authorization, cookie } = headers;
  const [, scheme = '', value = ''] = /^(\w+) +(\S+)$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { kind: 'token', token: value };
  if (scheme.toLowerCase() === 'basic') {
    const [, user, password] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(value, 'base64').toString('utf8')) ?? [];
    return user === undefined || password === undefined ? undefined : { kind: 'password', user, password };
  }
  const token = new RegExp(`(?:^|; *)${cookieName(protocol === 'https')}=([^;]+)`).exec(cookie ?? '')?.[1];
  return token === undefined ? undefined : { kind: 'token', token };
}

/** Browsers say where a request comes from (Fetch Metadata), and no page can keep them from it. */
export function isBrowser({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['sec-fetch-site'] !== undefined;
}

/** One word for what was brought, under which its session is kept: the secret itself is not. */
export function keyOf(credentials: Credentials, from: string): string {
  return createHash('sha256')
    .update(JSON.stringify([credentials, from]))
    .digest('hex');
}

/** The header that keeps a login in a browser until it is closed, where no script reads it and no page of another place sends it. */
export function cookieOf(token: string, isSecure: boolean): string {
  return `${cookieName(isSecure)}=${token}; Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** The header that ends it there. */
export function cookieEnd(isSecure: boolean): string {
  return `${cookieOf('', isSecure)}; Max-Age=0`;
}
