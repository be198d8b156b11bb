/** Fewer missing files than that never pull the brake: people delete a handful at a time. */
const MISSING_FILES_MIN = 20;
/** Larger a share of the held files missing at once is not believed without a word from a person. 0…1. */
const MISSING_SHARE_MAX = 0.3;

/** True when so many files are missing at once that a person must say whether they are deleted. */
export function isTooMany(missing: number, held: number): boolean {
  return missing >= MISSING_FILES_MIN && missing > held * MISSING_SHARE_MAX;
}
