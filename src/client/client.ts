import type { Address } from '../platform/network.ts';
import { Door, type DoorOptions } from './door.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session-ports.ts';

/** A session with a real mesh, and what is worth keeping of it. */
export interface Client {
  readonly session: Session;
  /** Addresses a later session should start with, best first. */
  addresses(): Address[];
}

/** Makes a session over the given platform. It dials when the first verb needs a peer. */
export function makeClient(options: DoorOptions & SessionOptions): Client {
  const door = new Door(options);
  const session = new Session(door, options);
  door.onDown((link) => session.linkWentDown(link));
  return { session, addresses: () => door.addresses() };
}
