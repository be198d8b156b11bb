import type { AccountKey } from '../../../core/accounts.ts';
import { ask } from '../api.ts';
import { session } from '../session.svelte.ts';

/** Accounts and their passwords: what is sent is made here, with the key pair for sealed files. */

/** `keepHome`: what lies in the home of an earlier account of that name goes to this one; else that is refused with `conflict`. */
export async function newAccount(name: string, password: string, asked: { admin: boolean; keepHome: boolean }): Promise<void> {
  const { proof, wrapKey } = await session.secretsOf(name, password);
  const { newAccountKey } = await import('./account-key.ts');
  await ask('POST', '/api/v1/users', { body: { name, ...asked, proof, key: newAccountKey(wrapKey) } });
}

/**
 * One's own by the old one, which takes the key pair along; another's without, which gets a new pair. `mayBegin`: asked before one's
 * own, that the old password does not open, gives way to a new pair. False: it may not, and nothing was changed.
 */
export async function newPassword(
  user: string,
  old: string | undefined,
  password: string,
  mayBegin: () => Promise<boolean>,
): Promise<boolean> {
  const { newAccountKey, rewrappedKey } = await import('./account-key.ts');
  const after = await session.secretsOf(user, password);
  let oldProof: string | undefined;
  let key: AccountKey | undefined;
  if (old !== undefined) {
    const before = await session.secretsOf(user, old);
    const kept = await session.loginWith(user, before);
    oldProof = before.proof;
    key = kept && rewrappedKey(kept, before.wrapKey, after.wrapKey);
    if (kept !== undefined && key === undefined && !(await mayBegin())) return false;
  }
  const body = { user, proof: after.proof, key: key ?? newAccountKey(after.wrapKey), ...(oldProof && { oldProof }) };
  await session.change(() => ask('POST', '/api/v1/passwd', { body }));
  return true;
}
