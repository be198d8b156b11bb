import { MeshError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import { FIRST_READ_BYTES, LOOK_MS, sourcesMax } from './fetch-limits.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { Source } from './fetch-parts.ts';
import type { Link } from './link.ts';

/** Who is asked in one fetch, and for what of it. */
export class FetchSources {
  readonly #options: FetchOptions;
  readonly #met = new Map<Link, Source>();
  /** As a source and as a relay apart: who has it not may yet know who has. */
  readonly #dropped = new Set<Link>();
  #isRelayDropped = false;
  /** Ranges that came wrong from several at once: each is asked of one alone, so that it shows who was wrong. */
  readonly #alone = new Map<Range, Source>();
  /** When `sources` was asked last. */
  #metMs = Number.NEGATIVE_INFINITY;
  /** Why the last one was dropped. */
  #reason: MeshError | undefined;

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  all(): Source[] {
    return [...this.#met.values()];
  }

  get count(): number {
    return this.#met.size;
  }

  has(source: Source): boolean {
    return this.#met.get(source.link) === source;
  }

  /** What a source is asked for; undefined: anything. A relay finds all of it. */
  reachOf(source: Source): readonly Range[] | undefined {
    const reach = source.relay ? undefined : this.#options.reach?.(source.link);
    const others = [...this.#alone].filter(([, only]) => only !== source).map(([range]) => range);
    if (others.length === 0) return reach;
    return others.reduce<readonly Range[]>(without, reach ?? [{ offset: 0, length: this.#options.size }]);
  }

  /** Only this one is asked for that range, until it is dropped. */
  askAlone(range: Range, source: Source): void {
    this.#alone.set(range, source);
  }

  /** The range came right. */
  askAll({ offset }: Range): void {
    for (const range of this.#alone.keys()) if (range.offset === offset) this.#alone.delete(range);
  }

  /** Throws `unavailable` when nobody is left. */
  meet(): void {
    const { sources, clock } = this.#options;
    if (this.#met.size === 0 || clock.now() - this.#metMs >= LOOK_MS) {
      this.#metMs = clock.now();
      for (const link of sources()) {
        if (this.#met.size < sourcesMax(this.#options) && link.open && !this.#dropped.has(link)) this.#meet(link, false);
      }
    }
    if (this.#met.size === 0) this.meetRelay();
  }

  /** Throws `unavailable` when nobody is left who could. */
  meetRelay(): void {
    const { relaySource } = this.#options;
    const source = relaySource && this.#met.get(relaySource);
    if (relaySource?.open !== true || this.#isRelayDropped || source?.relay === true)
      throw new MeshError('unavailable', 'nobody in reach can give this content', { cause: this.#reason });
    if (source === undefined) this.#meet(relaySource, true);
    else source.relay = true;
  }

  /** Is never asked again. */
  drop(source: Source, reason: MeshError): void {
    this.#met.delete(source.link);
    if (source.relay) this.#isRelayDropped = true;
    else this.#dropped.add(source.link);
    this.#reason = reason;
    for (const [range, only] of this.#alone) if (only === source) this.#alone.delete(range);
  }

  #meet(link: Link, relay: boolean): void {
    if (this.#met.has(link)) return;
    const heardMs = this.#options.clock.now();
    this.#met.set(link, { link, relay, reads: new Set(), readBytes: FIRST_READ_BYTES, heardMs });
  }
}

/** The parts of `ranges` that are not in the other one. */
function without(ranges: readonly Range[], { offset, length }: Range): Range[] {
  const end = offset + length;
  return ranges
    .flatMap((range) => {
      const rangeEnd = range.offset + range.length;
      const before = { offset: range.offset, length: Math.min(rangeEnd, offset) - range.offset };
      const from = Math.max(range.offset, end);
      return [before, { offset: from, length: rangeEnd - from }];
    })
    .filter((range) => range.length > 0);
}
