import type { Range } from '../core/range.ts';

/** Conditional requests and ranges (RFC 9110), as far as one content needs them. Pure. */

/** The tag of a content: its hash, so it is the same at every peer. */
export function tagOf(hash: string): string {
  return `"${hash}"`;
}

/** True when a header that lists tags names this content, or any. `isWeak`: also where it says that they are only alike. */
export function fitsTag(header: string, hash: string, isWeak = false): boolean {
  const tags = header.split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === '*' || tag === tagOf(hash) || (isWeak && tag === `W/${tagOf(hash)}`));
}

/** What the headers of a read ask for, of a content as it is. */
export interface Wanted {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

/** How a read is answered: all of it, a part, or only how it stands. */
export type Answer =
  | { readonly status: 200 }
  | { readonly status: 206; readonly range: Range }
  | { readonly status: 304 }
  | { readonly status: 412 }
  | { readonly status: 416 };

/** `modifiedMs`: wall ms of the content's last change. */
export function answerOf(wanted: Wanted, content: { hash: string; size: number; modifiedMs: number }): Answer {
  const { hash, size } = content;
  const modified = dateOf(content.modifiedMs);
  if (wanted.ifMatch !== undefined) {
    if (!fitsTag(wanted.ifMatch, hash)) return { status: 412 };
  } else if (isChangedSince(wanted.ifUnmodifiedSince, content.modifiedMs)) {
    return { status: 412 };
  }
  if (wanted.ifNoneMatch !== undefined) {
    if (fitsTag(wanted.ifNoneMatch, hash, true)) return { status: 304 };
  } else if (wanted.ifModifiedSince !== undefined && Date.parse(wanted.ifModifiedSince) >= Date.parse(modified)) {
    return { status: 304 };
  }
  const isSame = wanted.ifRange === undefined || wanted.ifRange === tagOf(hash) || wanted.ifRange === modified;
  const range = isSame && wanted.range !== undefined ? rangeOf(wanted.range, size) : undefined;
  if (range === undefined) return { status: 200 };
  return range === 'outside' ? { status: 416 } : { status: 206, range };
}

/** One range of bytes; undefined for what is none, or several: then all is sent, as the standard allows. */
export function rangeOf(header: string, size: number): Range | 'outside' | undefined {
  const parts = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(header);
  if (parts === null || (parts[1] === '' && parts[2] === '')) return undefined;
  const [, first = '', last = ''] = parts;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'outside' : { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return undefined;
  if (offset >= size) return 'outside';
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  return { offset, length: end - offset };
}

/** True where a header tells a time, and the content is younger. */
export function isChangedSince(header: string | undefined, modifiedMs: number): boolean {
  // Headers tell no parts of a second.
  return header !== undefined && Date.parse(header) < Date.parse(dateOf(modifiedMs));
}

/** As headers tell times. */
export function dateOf(wallMs: number): string {
  return new Date(wallMs).toUTCString();
}
