import type { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Ask } from '../../src/wire/calls.ts';
import { fetchContent } from '../../src/wire/fetch.ts';
import type { FetchOptions } from '../../src/wire/fetch-options.ts';
import type { Link } from '../../src/wire/link.ts';
import type { Profile } from '../sim/sim-world.ts';
import { type End, LinkBench } from './link-bench.ts';

export const MIB = 1024 * 1024;
export const path = 'big.bin' as FilePath;
export const hash = 'ab'.repeat(32) as ContentHash;

type Given = { reply: { size: number; given?: number }; tail: Uint8Array };
/** How a holder answers a read; `serve` is the honest answer. */
export type Serving = (ask: Ask<'read'>, serve: () => Given, source: End) => Promise<Given>;

/** A machine that fetches, and holders linked to it. */
export class FetchBench extends LinkBench {
  readonly home: End;

  constructor(seed = 'fetch', profile: Profile = 'calm') {
    super(seed, profile);
    this.home = this.end('home');
  }

  /** A holder of `content` whose answers go through `serving`. */
  async holder(
    name: string,
    content: Uint8Array,
    serving: Serving = async (_ask, serve) => serve(),
  ): Promise<{ end: End; link: Link }> {
    const end = this.end(name);
    end.switchboard.answer('read', (ask) => {
      const serve = () => ({ reply: { size: content.length }, tail: content.slice(ask.offset, ask.offset + ask.length) });
      return serving(ask, serve, end);
    });
    const { near } = await this.connect(this.home, end);
    return { end, link: near };
  }

  sink(size: number): Sink {
    return new Sink(size, this.home.clock);
  }

  fetch(size: number, sink: FetchOptions['sink'], sources: readonly Link[], more: Partial<FetchOptions> = {}) {
    return fetchContent({ path, hash, size, sources: () => sources, sink, clock: this.home.clock, ...more });
  }
}

/** A place for the bytes that knows how it was written. */
export class Sink {
  readonly bytes: Uint8Array;
  written = 0;
  underWay = 0;
  /** Writes at an offset written before. */
  doubled = 0;
  readonly #clock: Clock;
  readonly #there = new Set<number>();

  constructor(size: number, clock: Clock) {
    this.bytes = new Uint8Array(size);
    this.#clock = clock;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.underWay++;
    await later({ clock: this.#clock }, 1);
    if (this.#there.has(offset)) this.doubled++;
    this.#there.add(offset);
    this.bytes.set(bytes, offset);
    this.written += bytes.length;
    this.underWay--;
  }
}

export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: MeshError) => error.code,
  );
}

export function later({ clock }: Pick<End, 'clock'>, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
