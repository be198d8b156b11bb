import { users } from '../../client/verbs/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { VerbContext } from '../verb.ts';
import { fingerprintOf, KnownKeys } from './known-keys.ts';
import { READERS_MAX, type Reader } from './readers.ts';

const RECIPIENT = /^age1[0-9a-z]+$/;

/**
 * Who is meant: keys as they are, users with the keys of their accounts. Rejects with `not-found` for a user without, with
 * `not-allowed` for one whose key is another than it was here.
 */
export async function readersNamed(context: VerbContext, names: readonly string[]): Promise<Reader[]> {
  const isAccountMeant = names.some((name) => !RECIPIENT.test(name));
  const known = isAccountMeant ? await users(context.session, context.options) : [];
  const self = await selfOf(context);
  const keys = new KnownKeys(context.meshFolder);
  const fresh: Reader[] = [];
  const readers: Reader[] = [];
  for (const name of names) {
    if (RECIPIENT.test(name)) readers.push({ name, recipient: name });
    else if (name === self?.name) readers.push(self);
    else {
      const reader = readerOf(name, known);
      if (!(await keys.check(name, reader.recipient))) fresh.push(reader);
      readers.push(reader);
    }
  }
  for (const { name, recipient } of fresh) {
    await keys.keep(name, recipient);
    context.screen.note(
      `note: the key of ${name} is ${fingerprintOf(recipient)}, as the peers tell it, and from now on no other is taken: ask ${name} whether it is right`,
    );
  }
  return readers;
}

/** Who is logged in, by the key that lies here: what the peers tell of it does not count. Undefined: nobody with a key. */
export async function selfOf(context: VerbContext): Promise<Reader | undefined> {
  const user = await userOf(context);
  const own = await context.ownKey.read(user);
  return own === undefined ? undefined : { name: user ?? own.recipient, recipient: own.recipient };
}

/** Whose login this is, as far as it is known here. */
export async function userOf(context: VerbContext): Promise<string | undefined> {
  return (await context.login?.read())?.user ?? context.session.signIn.who?.user;
}

/** Each once. Rejects with `usage` when they are too many for one header. */
export function addedTo(readers: readonly Reader[], more: readonly Reader[]): Reader[] {
  const all = [...new Map([...readers, ...more].map((one) => [one.recipient, one] as const)).values()];
  if (all.length <= READERS_MAX) return all;
  throw new MeshError('usage', `a file is sealed for ${READERS_MAX} readers at most`);
}

function readerOf(name: string, known: Awaited<ReturnType<typeof users>>): Reader {
  const account = known.find((one) => one.name === name);
  if (account === undefined)
    throw new MeshError('not-found', `there is no account ${quote(name)}; "filemesh user list" lists them`);
  if (account.recipient === undefined)
    throw new MeshError('not-found', `${name} has no key yet to seal for: it is made when ${name} logs in with "filemesh login"`);
  return { name, recipient: account.recipient };
}
