import { MeshError } from '../core/errors.ts';
import type { Staging } from '../folder/folder.ts';

/** A fetch cut short by its sources goes on later with what it has; any other end leaves nothing. */
export async function discardUnlessResumable(staging: Staging, error: unknown): Promise<void> {
  if (error instanceof MeshError && (error.code === 'unavailable' || error.code === 'closed')) return;
  await staging.discard();
}
