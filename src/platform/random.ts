/** Chance. A new draw in one room shifts no other: every room gets a `fork` of its own. */
export interface Random {
  /** `count` random bytes, of cryptographic quality on the real side. */
  bytes(count: number): Uint8Array;
  /** A uniform integer, 0 ≤ n < `below` ≤ 2^48. */
  integer(below: number): number;
  fork(room: string): Random;
}

/** `count` random bytes as lower-case hex. */
export function randomHex(random: Random, count: number): string {
  return Buffer.from(random.bytes(count)).toString('hex');
}
