import { z } from 'zod';
import { shownFile, whereResult, withChunks } from '../client/results.ts';
import { chunksOfEach } from '../client/verbs/chunks.ts';
import { historiesOf, historyItem } from '../client/verbs/history.ts';
import { presentEntry } from '../client/verbs/listing.ts';
import { checkPath } from '../core/path.ts';
import { LIST_ENTRIES_MAX } from '../wire/calls.ts';
import { pathShape, type Route, route } from './route.ts';

/** Pages asked of the mesh for one of the interface: those of a pattern that fits little are short. Range 1–100. */
const PAGES_MAX = 20;

const limitShape = z.coerce.number().int().min(1).max(LIST_ENTRIES_MAX).default(200);
const afterShape = z.string().max(1100).default('');
/** A switch in a query: `?deleted`, `?deleted=1`. */
const switchShape = z
  .enum(['', '1', 'true', '0', 'false'])
  .transform((text) => text !== '0' && text !== 'false')
  .default(false);

/** What there is. */
export function listRoutes(): Route[] {
  return [folderRoute, filesRoute, conflictsRoute, whereRoute, historyRoute];
}

const folderRoute = route({
  method: 'GET',
  url: '/api/v1/folder',
  summary: 'What lies directly in a folder, or what below it fits the words of "q".',
  answers: 'folder',
  query: z.object({
    path: z.string().max(1200).default(''),
    after: afterShape,
    limit: limitShape,
    sort: z.enum(['name', 'size', 'modified']).default('name'),
    descending: switchShape,
    q: z.string().max(255).optional(),
  }),
  run: async ({ session, query: { q, path: words, ...query }, options }) => {
    const named = words.replace(/\/+$/, '');
    const path = named === '' ? undefined : checkPath(named);
    const ask = { ...query, ...(path === undefined ? {} : { path }), ...(q === undefined || q === '' ? {} : { query: q }) };
    const { reply } = await session.call('folder', ask, { ...options, ...(path === undefined ? {} : { subject: path }) });
    const { folders, entries, more, next } = reply;
    return { path: path ?? '', folders, files: entries.map(shownFile), ...(more && { next }) };
  },
});

const filesRoute = route({
  method: 'GET',
  url: '/api/v1/files',
  summary: 'Files of the whole mesh in the order of their paths; "pattern" is a glob.',
  answers: 'files',
  query: z.object({
    pattern: z.string().min(1).max(1024).optional(),
    after: z.string().max(1024).default(''),
    limit: limitShape,
    deleted: switchShape,
    conflicts: switchShape,
  }),
  run: async ({ session, query: { pattern, ...query }, options }) => {
    const files: ReturnType<typeof shownFile>[] = [];
    let after = query.after;
    for (let page = 0; ; page++) {
      const ask = { ...query, after, limit: query.limit - files.length, ...(pattern === undefined ? {} : { pattern }) };
      const { reply } = await session.call('list', ask, options);
      files.push(...reply.entries.map(shownFile));
      after = reply.next;
      if (!reply.more) return { files };
      if (files.length >= query.limit || page >= PAGES_MAX) return { files, next: after };
    }
  },
});

const conflictsRoute = route({
  method: 'GET',
  url: '/api/v1/conflicts',
  summary: 'Files of which there are several versions at once.',
  answers: 'files',
  query: z.object({ after: z.string().max(1024).default(''), limit: limitShape }),
  run: async ({ session, query, options }) => {
    const { reply } = await session.call('list', { ...query, deleted: false, conflicts: true }, options);
    return { files: reply.entries.map(shownFile), ...(reply.more && { next: reply.next }) };
  },
});

const whereRoute = route({
  method: 'GET',
  url: '/api/v1/where',
  summary: 'Who has a file, and what the loss of each would leave; with "chunks" each part of it.',
  answers: 'where',
  query: z.object({ path: pathShape, chunks: switchShape }),
  run: async ({ session, query, options }) => {
    const entry = await presentEntry(session, query.path, options);
    const result = { ...whereResult(entry), ...(entry.note === undefined ? {} : { note: entry.note }) };
    if (!query.chunks) return result;
    return withChunks(result, await chunksOfEach(session, entry, options));
  },
});

const historyRoute = route({
  method: 'GET',
  url: '/api/v1/history',
  summary: 'The contents a file has and had, that can be brought back.',
  answers: 'history',
  query: z.object({ path: pathShape }),
  run: async ({ session, query, options }) => {
    const histories = await historiesOf(session, query.path, options);
    return {
      files: histories.map(({ path, copies }) => ({
        path,
        versions: copies.map((copy) => ({ ...historyItem(copy), current: copy.current })),
      })),
    };
  },
});
