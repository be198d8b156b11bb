import type { Address } from './network.ts';

/** An unproved multicast "I am here": may be late, doubled, stale or forged. */
export interface Sighting {
  /** Random per start of the sender: 16 hex digits. */
  readonly instance: string;
  /** Keyed with the mesh: who knows the mesh recognises its own (32 hex digits). */
  readonly tag: string;
  readonly addresses: readonly Address[];
}

/** What one peer says of itself. */
export interface Announcement {
  readonly instance: string;
  readonly tag: string;
  readonly port: number;
}

/** Finds; it never decides who lives. */
export interface Discovery {
  /** Announces until `close`, and answers who asks. A second call replaces the first. */
  announce(announcement: Announcement): Promise<void>;
  /** Asks at 0, 0.25, 0.5, 1, 2 s and now and then; hands on what is heard, own announcements left out. */
  browse(sighted: (sighting: Sighting) => void): Promise<void>;
  /** Asks once more now. */
  refresh(): void;
  /** Says goodbye and stops. */
  close(): Promise<void>;
}
