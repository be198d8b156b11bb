import type { Pipe } from '../platform/network.ts';
import { hostOf } from '../wire/remote-host.ts';

/**
 * Pipes that others dialled, between their first byte and being up. Range 128–1,024: more than a listener lets in unproved
 * (64), and 100 clients that come at once.
 */
export const PIPES_MAX = 128;

/**
 * Who is at the door: bounded in number. When one too many comes, the oldest of the host with the most goes: whoever holds
 * many open drives out its own, and one that greets, which takes milliseconds, gets in however many are silent.
 */
export class Doorstep {
  /** Oldest first. */
  readonly #waiting = new Set<Pipe>();

  enter(pipe: Pipe): void {
    if (this.#waiting.size >= PIPES_MAX) this.#dropOne();
    this.#waiting.add(pipe);
  }

  leave(pipe: Pipe): void {
    this.#waiting.delete(pipe);
  }

  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const { remoteAddress } of this.#waiting) {
      const host = hostOf(remoteAddress);
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const pipe of this.#waiting) {
      if (counts.get(hostOf(pipe.remoteAddress)) !== most) continue;
      this.#waiting.delete(pipe);
      pipe.close();
      return;
    }
  }
}
