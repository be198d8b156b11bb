import { invariant } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Address, Pipe, PipeEvents } from '../platform/network.ts';

/**
 * A pipe with a first user (the greeting) and a second one (the link), though the pipe below is opened once. The first
 * hands over what it heard beyond its own words; the second opens this pipe like any other and hears that first.
 */
export class HandoverPipe implements Pipe {
  readonly #pipe: Pipe;
  #events: PipeEvents | undefined;
  /** Heard and not yet told to the second user. */
  #rest: Uint8Array[] = [];
  #closedReason: string | undefined;
  /** The second user paused it. */
  #paused = false;

  /** Opens `pipe` for its first user. */
  constructor(pipe: Pipe, first: PipeEvents) {
    this.#pipe = pipe;
    this.#events = first;
    pipe.open({
      data: (bytes) => {
        // Lent: kept as a copy (`slice` of a Buffer would be a view).
        if (this.#events === undefined || this.#paused) this.#rest.push(new Uint8Array(bytes));
        else this.#events.data(bytes);
      },
      drain: () => this.#events?.drain(),
      closed: (reason) => {
        this.#closedReason = reason;
        this.#events?.closed(reason);
      },
    });
  }

  /** Ends the first use. `rest`: what was heard and is meant for the second user. Until it opens, nothing is read. */
  handOver(rest: Uint8Array): void {
    this.#events = undefined;
    this.#rest = rest.length > 0 ? [new Uint8Array(rest)] : [];
    this.#pipe.pause();
  }

  get remoteId(): PeerId {
    return this.#pipe.remoteId;
  }

  get remoteAddress(): Address {
    return this.#pipe.remoteAddress;
  }

  get dialled(): boolean {
    return this.#pipe.dialled;
  }

  get unsent(): number {
    return this.#pipe.unsent;
  }

  bind(label: string): Uint8Array {
    return this.#pipe.bind(label);
  }

  /** For the second user, after `handOver`. The rest, and the end if it came meanwhile, are told before this returns. */
  open(events: PipeEvents): void {
    invariant(this.#events === undefined, 'a pipe is opened twice');
    this.#events = events;
    this.#tellRest();
    if (this.#closedReason !== undefined) events.closed(this.#closedReason);
    else if (!this.#paused) this.#pipe.resume();
  }

  write(parts: readonly Uint8Array[], sent?: () => void): boolean {
    return this.#pipe.write(parts, sent);
  }

  pause(): void {
    this.#paused = true;
    this.#pipe.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#tellRest();
    if (!this.#paused) this.#pipe.resume();
  }

  close(graceMs?: number): void {
    this.#pipe.close(graceMs);
  }

  #tellRest(): void {
    while (!this.#paused && this.#events !== undefined) {
      const bytes = this.#rest.shift();
      if (bytes === undefined) return;
      this.#events.data(bytes);
    }
  }
}
