import { z } from 'zod';
import { changeResult } from '../client/results.ts';
import { changeAsk, makeChange } from '../client/verbs/change.ts';
import { removeNamed, rename, resolve } from '../client/verbs/changes.ts';
import { restore } from '../client/verbs/history.ts';
import { presentEntry } from '../client/verbs/listing.ts';
import { fitsTag, isChangedSince } from './conditional.ts';
import { WebFailure } from './failures.ts';
import { pathShape, type Route, route } from './route.ts';

/** Changes without bytes. Each answers with what was made. */
export function changeRoutes(): Route[] {
  return [renameRoute, resolveRoute, restoreRoute, deleteRoute];
}

const renameRoute = route({
  method: 'POST',
  url: '/api/v1/rename',
  summary: 'Gives a file, or each file of a folder, a new name.',
  answers: 'changes',
  body: z.object({ from: pathShape, to: pathShape }),
  run: async ({ session, body, options }) => ({ changes: await rename(session, body.from, body.to, options) }),
});

const resolveRoute = route({
  method: 'POST',
  url: '/api/v1/resolve',
  summary: 'Ends a conflict: keeps the version of one origin ("keep"), or makes each a file of its own ("keepBoth").',
  answers: 'changes',
  body: z.object({ path: pathShape, keep: z.string().min(1).max(500).optional(), keepBoth: z.boolean().optional() }),
  run: async ({ session, body: { path, keep, keepBoth = false }, options }) => {
    if ((keep !== undefined) === keepBoth) throw new WebFailure(400, 'usage', 'say either "keep" or "keepBoth"');
    return { changes: await resolve(session, path, keep, options) };
  },
});

const restoreRoute = route({
  method: 'POST',
  url: '/api/v1/restore',
  summary: 'Brings an older content of a file back, or the deleted files of a folder.',
  answers: 'changes',
  body: z.object({ path: pathShape, version: z.string().min(4).max(64).optional() }),
  run: async ({ session, body, options }) => ({ changes: await restore(session, body.path, body.version, options) }),
});

const deleteRoute = route({
  method: 'DELETE',
  url: '/files/*',
  summary: 'Deletes a file, or the files of a folder; with If-Match or If-Unmodified-Since only that content of a file.',
  answers: 'changes',
  run: async ({ session, rest, request, options }) => {
    const { 'if-match': wanted, 'if-unmodified-since': since } = request.headers;
    if (wanted === undefined && since === undefined) return { changes: await removeNamed(session, rest, options) };
    const entry = await presentEntry(session, rest, options);
    const { path, base, contents } = entry;
    const [content] = contents;
    const isMeant = wanted === undefined ? !isChangedSince(since, content?.modified ?? 0) : fitsTag(wanted, content?.hash ?? '');
    if (contents.length !== 1 || !isMeant) {
      throw new WebFailure(412, 'overtaken', 'the file is not the one meant any more; look at it, then try again');
    }
    const done = await makeChange(session, changeAsk(session.newRequest(), { kind: 'delete', path }, base), options.signal);
    return { changes: done.map(changeResult) };
  },
});
