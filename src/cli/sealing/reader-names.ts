import { users } from '../../client/verbs/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { VerbContext } from '../verb.ts';
import { READERS_MAX, type Reader } from './readers.ts';

const RECIPIENT = /^age1[0-9a-z]+$/;

/** Who is meant: keys as they are, users with the keys of their accounts. Rejects with `not-found` for a user without. */
export async function readersNamed(context: VerbContext, names: readonly string[]): Promise<Reader[]> {
  const isAccountMeant = names.some((name) => !RECIPIENT.test(name));
  const known = isAccountMeant ? await users(context.session, context.options) : [];
  return names.map((name) => {
    if (RECIPIENT.test(name)) return { name, recipient: name };
    const account = known.find((one) => one.name === name);
    if (account === undefined)
      throw new MeshError('not-found', `there is no account ${quote(name)}; "filemesh user list" lists them`);
    if (account.recipient === undefined)
      throw new MeshError(
        'not-found',
        `${name} has no key yet to seal for: it is made when ${name} logs in with "filemesh login"`,
      );
    return { name, recipient: account.recipient };
  });
}

/** Each once. Rejects with `usage` when they are too many for one header. */
export function addedTo(readers: readonly Reader[], more: readonly Reader[]): Reader[] {
  const all = [...new Map([...readers, ...more].map((one) => [one.recipient, one] as const)).values()];
  if (all.length <= READERS_MAX) return all;
  throw new MeshError('usage', `a file is sealed for ${READERS_MAX} readers at most`);
}
