import type { RequestId } from '../core/ids.ts';

/** Requests that are remembered, the latest. Range 1,000–100,000: some 100 bytes each. */
const REMEMBERED_MAX = 10_000;

/** What is done here once for each request, however often that is asked for again. */
export class OnceEach {
  readonly #done = new Set<RequestId>();

  /** Without a request it is done each time; what failed is done again. */
  async run(request: RequestId | undefined, act: () => Promise<void>): Promise<void> {
    if (request !== undefined && this.#done.has(request)) return;
    await act();
    if (request === undefined) return;
    this.#done.add(request);
    const oldest = this.#done.size > REMEMBERED_MAX ? this.#done.keys().next().value : undefined;
    if (oldest !== undefined) this.#done.delete(oldest);
  }
}
