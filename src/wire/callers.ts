import type { Role } from '../core/facts.ts';

/** Who may send a message: the `callers` of a call or a note. */
export const both: readonly Role[] = ['peer', 'client'];
export const peers: readonly Role[] = ['peer'];
export const clients: readonly Role[] = ['client'];
