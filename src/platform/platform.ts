import type { Clock } from './clock.ts';
import type { Discovery } from './discovery.ts';
import type { Disk } from './disk.ts';
import type { Hasher, PasswordHasher } from './hasher.ts';
import type { Log } from './log.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Store } from './store.ts';

/** Everything a peer cannot decide by itself. */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly discovery: Discovery;
  readonly disk: Disk;
  readonly store: Store;
  readonly hasher: Hasher & PasswordHasher;
  readonly log: Log;
}

/** What a client needs: it holds nothing. */
export type ClientPlatform = Pick<Platform, 'clock' | 'random' | 'network' | 'discovery' | 'log' | 'hasher'>;
