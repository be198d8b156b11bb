import { mkdtempSync, rmSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '../../src/core/errors.ts';
import { listenWeb, type WebListener } from '../../src/web/listening.ts';
import type { WebDuty, WebPeer } from '../../src/web/web-options.ts';
import { logHere } from './log-here.ts';

/** One answer, as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request to a door on the loopback, on a connection of its own. */
export function askFrom(options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', agent: false, ...options }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces).toString() }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function noMesh(): Promise<never> {
  return Promise.reject(new MeshError('unreachable', 'there is no mesh behind this door'));
}

/** A real door on the loopback, of a peer whose mesh cannot be reached: what the gate lets through is answered with 503, or is there. */
export class WebHere {
  readonly place: string;
  /** Lines of its log: level, event, facts. */
  readonly logged: readonly string[];
  readonly #listener: WebListener;

  private constructor(listener: WebListener, place: string, logged: readonly string[]) {
    this.#listener = listener;
    this.place = place;
    this.logged = logged;
  }

  /** `mesh`: what opens a session with it; `facts`: what else its peer says; `place`: its folder, removed at the end. */
  static async open(
    mesh: WebDuty['openSession'] = noMesh,
    facts: Partial<WebPeer> = {},
    place = mkdtempSync(join(tmpdir(), 'filemesh-web-')),
  ): Promise<WebHere> {
    const listener = await listenWeb({ host: '127.0.0.1', port: 0, portsBehind: 0, directory: place });
    const peer = {
      id: 'a'.repeat(64),
      name: 'alpha',
      meshName: 'home',
      meshId: 'b'.repeat(64),
      status: async () => ({}),
      peers: () => ({ peers: [] }),
      onEvent: () => {},
      onPaths: () => {},
      people: { hasAccounts: () => false, accounts: () => new Map(), rights: () => ({}) },
      ...facts,
    } as unknown as WebPeer;
    const { log, logged } = logHere();
    listener.serve({
      peer,
      log,
      openSession: mesh,
      newHash: () => ({ update: () => {}, hex: () => '' as never }),
    });
    return new WebHere(listener, place, logged);
  }

  get port(): number {
    return Number(new URL(this.#listener.url).port);
  }

  /** One request with exactly these headers; `PORT` in them is the port of the door. `from`: the address it comes from. */
  ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
    from = '127.0.0.1',
  ): Promise<Answer> {
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, text.replaceAll('PORT', String(this.port))]),
    );
    return askFrom({ localAddress: from, port: this.port, method, path, headers: filled, setHost: false }, body);
  }

  async close(): Promise<void> {
    await this.#listener.close();
    rmSync(this.place, { recursive: true, force: true });
  }
}
