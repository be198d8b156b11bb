import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebFailure } from './failures.ts';

/** Where the build puts the page: beside the built program. */
const PLACE = fileURLToPath(new URL('../../page/', import.meta.url));
/** Files of the page and bytes of each that are taken: it is small. */
const FILES_MAX = 200;
const BYTES_MAX = 2 * 1024 * 1024;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly zipped: Buffer | undefined;
  readonly tag: string;
}

/** The files of the page, in memory: nothing else of the disk can be asked for by way of them. */
export class PageFiles {
  readonly #files: ReadonlyMap<string, PageFile>;

  private constructor(files: ReadonlyMap<string, PageFile>) {
    this.#files = files;
  }

  /** Reads them. Where the page was not built there are none. */
  static async load(place = PLACE): Promise<PageFiles> {
    const files = new Map<string, PageFile>();
    const found = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of found.filter((one) => one.isFile()).slice(0, FILES_MAX)) {
      const file = join(entry.parentPath, entry.name);
      const type = TYPES[extname(entry.name)];
      const bytes = await readFile(file);
      if (type === undefined || bytes.length > BYTES_MAX) continue;
      const zipped = /^(text|application|image\/svg)/.test(type) ? gzipSync(bytes) : undefined;
      const tag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
      files.set(`/${relative(place, file).split(sep).join('/')}`, { type, bytes, zipped, tag });
    }
    return new PageFiles(files);
  }

  get paths(): string[] {
    return [...this.#files.keys()];
  }

  /** Answers with one of them; `/` is the page itself. Names with a hash in them never change. */
  send(path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined && path === '/') {
      throw new WebFailure(404, 'not-found', 'the page was not built; "make build" does it. /openapi.json tells the interface');
    }
    if (file === undefined) throw new WebFailure(404, 'not-found', 'the page has no such file');
    const isEternal = path.startsWith('/assets/');
    const usual = isEternal ? 'public, max-age=31536000, immutable' : 'no-cache';
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', usual);
    reply.header('etag', file.tag).header('vary', 'accept-encoding');
    if (request.headers['if-none-match'] === file.tag) return reply.code(304).send();
    reply.type(file.type);
    const isZipped = file.zipped !== undefined && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    if (isZipped) reply.header('content-encoding', 'gzip');
    return reply.send(isZipped ? file.zipped : file.bytes);
  }
}
