import type { Range } from '../core/range.ts';
import type { Answer, Link } from './link.ts';

/** A range on its way: asked of a source or two, or being written. */
export interface Piece extends Range {
  /** Sources asked that have not answered. */
  readonly asked: Set<Source>;
  /** Shorter than it was, once a source gave the first part of it. */
  length: number;
  /** When it was first asked. */
  readonly sinceMs: number;
  state: 'asked' | 'writing';
}

/** The two calls that read answer alike. */
export type Given = Answer<'read'> | Answer<'read-old'>;

export interface Source {
  readonly link: Link;
  /** Asked to fetch from elsewhere what it has not. */
  relay: boolean;
  readonly reads: Set<Piece>;
  /** Asked for at a time. */
  readBytes: number;
  /** When it last answered, or was asked after it had answered all. */
  heardMs: number;
}
