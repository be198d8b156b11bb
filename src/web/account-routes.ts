import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isoTime } from '../client/results.ts';
import { addUser, changePassword, grant, readLog, removeUser, rightsOf, users } from '../client/verbs/accounts.ts';
import { LOG_ENTRIES_MAX } from '../wire/account-calls.ts';
import { accountKeyShape } from '../wire/shapes.ts';
import { cookieEnd, cookieOf, isBrowser } from './credentials.ts';
import { WebFailure } from './failures.ts';
import { heldUp } from './held-up.ts';
import { proofOf } from './logins.ts';
import { openRoute, pathShape, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';

const nameShape = z.string().min(1).max(64);
const proofShape = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .optional();
const passwordShape = z.string().min(1).max(1024).optional();
/** A password, or what follows from it. */
const secretShape = { proof: proofShape, password: passwordShape };

/** Accounts, rights and the log. A page sends what follows from a password (`proof`); programs may send the password itself. */
export function accountRoutes(rooms: RouteRooms): Route[] {
  return [...loginRoutes(rooms), ...userRoutes(rooms), ...rightsRoutes()];
}

function loginRoutes({ house, sessions }: RouteRooms): Route[] {
  const { isSecure } = house;
  return [
    openRoute({
      method: 'POST',
      url: '/api/v1/login',
      summary: 'Logs in: sets the cookie, and tells programs the token that they send as Bearer.',
      answers: 'login',
      body: z.object({ user: nameShape, ...secretShape }),
      run: async ({ body: { user, ...secret }, request, reply }) => {
        const { token, admin, key = null } = await sessions.login(request, user, secret);
        reply.header('set-cookie', cookieOf(token, isSecure));
        return { user, admin, key, ...tokenFor(request, token) };
      },
    }),
    openRoute({
      method: 'POST',
      url: '/api/v1/logout',
      summary: 'Ends the login of this browser.',
      answers: 'nothing',
      run: async ({ reply }) => {
        reply.header('set-cookie', cookieEnd(isSecure));
        return {};
      },
    }),
  ];
}

function userRoutes({ house, sessions }: RouteRooms): Route[] {
  const { isSecure } = house;
  return [
    route({
      method: 'GET',
      url: '/api/v1/users',
      summary: 'The accounts.',
      answers: 'users',
      run: async ({ session, options }) => ({ users: await users(session, options) }),
    }),
    route({
      method: 'POST',
      url: '/api/v1/users',
      summary: 'Adds an account. The first one is an admin, and from then on everybody logs in.',
      answers: 'added',
      body: z.object({
        name: nameShape,
        admin: z.boolean().default(false),
        ...secretShape,
        key: accountKeyShape.optional(),
        keepHome: z.boolean().default(false),
      }),
      run: async ({ session, body: { name, admin, key, keepHome, ...secret }, reply, options }) => {
        const proof = await proofOf(session, name, secret);
        reply.code(201);
        return await addUser(session, { name, admin, proof, keepHome, ...(key === undefined ? {} : { key }) }, options);
      },
    }),
    route({
      method: 'DELETE',
      url: '/api/v1/users/*',
      summary: 'Removes an account; its files stay.',
      answers: 'nothing',
      run: async ({ session, rest, options }) => {
        await removeUser(session, rest, options);
        return {};
      },
    }),
    route({
      method: 'POST',
      url: '/api/v1/passwd',
      summary: "Gives an account another password: one's own by the old one, another's as an admin.",
      answers: 'nothing',
      body: z.object({
        user: nameShape,
        oldProof: proofShape,
        oldPassword: passwordShape,
        ...secretShape,
        key: accountKeyShape.optional(),
      }),
      run: async ({ session, body, request, reply, options }) => {
        const { user, key, oldProof, oldPassword } = body;
        const hasOld = oldProof !== undefined || oldPassword !== undefined;
        const old = hasOld ? await proofOf(session, user, { proof: oldProof, password: oldPassword }) : undefined;
        const proof = await proofOf(session, user, body);
        const change = { user, proof, ...(old === undefined ? {} : { oldProof: old }), ...(key === undefined ? {} : { key }) };
        const result = await changePassword(session, change, options);
        if (result.kind === 'wrong') throw new WebFailure(403, 'not-allowed', 'the old password is wrong');
        if (result.kind === 'wait') throw heldUp(result.seconds);
        // All logins are over but this one.
        if (result.token === undefined) return {};
        sessions.renew(request, result.token);
        reply.header('set-cookie', cookieOf(result.token, isSecure));
        return tokenFor(request, result.token);
      },
    }),
  ];
}

/** A browser has it in its cookie, where no script can read it. */
function tokenFor(request: FastifyRequest, token: string): { readonly token?: string } {
  return isBrowser(request) ? {} : { token };
}

function rightsRoutes(): Route[] {
  return [
    route({
      method: 'GET',
      url: '/api/v1/rights',
      summary: 'Who may do what with a path, and what that follows from.',
      answers: 'rights',
      query: z.object({ path: pathShape }),
      run: async ({ session, query, options }) => ({ rights: await rightsOf(session, query.path, options) }),
    }),
    route({
      method: 'POST',
      url: '/api/v1/rights',
      summary: 'Says what an account, or everyone, may do with a path and all below it.',
      answers: 'nothing',
      body: z.object({ path: pathShape, who: nameShape, right: z.enum(['read', 'write', 'none']) }),
      run: async ({ session, body, options }) => {
        await grant(session, body, options);
        return {};
      },
    }),
    route({
      method: 'GET',
      url: '/api/v1/log',
      summary: 'Who did what, when, from where, through which peer; the newest first.',
      answers: 'log',
      query: z.object({
        before: z.coerce.number().optional(),
        limit: z.coerce.number().int().min(1).max(LOG_ENTRIES_MAX).default(100),
        user: z.string().max(64).optional(),
      }),
      run: async ({ session, query: { before, user, limit }, options }) => {
        const asked = { limit, ...(before === undefined ? {} : { before }), ...(user === undefined ? {} : { user }) };
        const { entries, more } = await readLog(session, asked, options);
        return { entries: entries.map((entry) => ({ ...entry, time: isoTime(entry.at) })), more };
      },
    }),
  ];
}
