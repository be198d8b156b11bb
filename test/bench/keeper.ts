/** A program that keeps folders of several hosts equal, ours or another, in the hands of a contest. Host 1 is the sender. */
export interface Keeper {
  readonly name: string;
  /** The folder it keeps on a host. */
  folderOf(host: number): string;
  /**
   * Does `act` in the folder of host 1: at `path` appears or changes a file, or appears a folder of so many `files`.
   * Resolves when the receivers have it durably, with the ms since; a time that it waits for quiet is taken off.
   */
  spread(path: string, files: number, act: () => void): Promise<number>;
  /** CPU ms of all its processes so far. */
  cpuMs(): number;
  /** Off the clock: gives back the room that what lies at `path` takes in memory, and on disk where nobody minds. */
  discard(path: string): Promise<void>;
  /** The receivers that have something at `path`: hosts. */
  receivers(path: string): number[];
}
