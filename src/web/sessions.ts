import type { FastifyRequest } from 'fastify';
import type { Session } from '../client/session.ts';
import { MeshError } from '../core/errors.ts';
import type { WebDuty } from './web-options.ts';

type Open = Awaited<ReturnType<WebDuty['openSession']>>;

/** The sessions with the mesh behind the page: one for all whom this machine's rights are enough. */
export class Sessions {
  readonly #duty: WebDuty;
  #own: Promise<Open> | undefined;
  #isClosed = false;

  constructor(duty: WebDuty) {
    this.#duty = duty;
  }

  /** The session of whoever sent this request. */
  async of(_request: FastifyRequest): Promise<Session> {
    if (this.#isClosed) throw new MeshError('closed', 'the peer stops');
    this.#own ??= this.#duty.openSession().catch((thrown: unknown) => {
      this.#own = undefined;
      throw thrown;
    });
    return (await this.#own).session;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#own?.catch(() => undefined))?.close();
  }
}
