import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import type { Link } from '../wire/link.ts';
import type { OpenLink } from './connector.ts';
import type { Routes } from './routes.ts';
import type { SignIn } from './sign-in.ts';

/** What a session needs of the outside. `door.ts` makes one for a real mesh. */
export interface SessionPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly routes: Routes;
  /** Opens a greeted link: admission, hello and heartbeat are inside. */
  readonly open: OpenLink;
  /** Introduces every link, once there is somebody to introduce. */
  readonly signIn: SignIn;
  /** Looks for more routes by multicast; may be called often. */
  browse(): void;
  /** What a peer calls itself, or the beginning of its id while it has not said. */
  nameOf(peer: PeerId): string;
  /** Called with every link that became the session's own. */
  arrived(link: Link): void;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** How long a verb waits while no peer answers; `never`: the shell keeps trying. */
  readonly timeoutMs: number | 'never';
  /** No peer answers: trying goes on. */
  readonly onWaiting?: () => void;
  /** A peer answers again after `onWaiting`. */
  readonly onBack?: (peerName: string) => void;
}
