import { whoAmI } from '../../client/verbs/accounts.ts';
import type { AccountKey } from '../../core/accounts.ts';
import { quote } from '../../core/path.ts';
import type { VerbContext } from '../verb.ts';
import type { KeyPair } from './account-key.ts';
import { fingerprintOf, KnownKeys } from './known-keys.ts';

/** Keeps the pair of who is logged in now, and tells when another one lay here. `key`: what the peers keep of it. */
export async function keepOwn(context: VerbContext, user: string, pair: KeyPair, key: AccountKey): Promise<void> {
  const { ownKey, meshFolder, screen } = context;
  const [before, first] = [await ownKey.read(user), await ownKey.first()];
  await ownKey.keep(user, pair, key);
  // That the account has one is known from now on, whatever the peers tell, and after a logout too.
  await new KnownKeys(meshFolder).keep(user, pair.recipient);
  if (ownKey.file === undefined) return;
  if (before !== undefined && before.recipient !== pair.recipient) screen.note(olderWords(user, before, ownKey.file));
  else if (first !== undefined && first.user !== user && before === undefined)
    screen.note(
      `note: the sealing key of ${first.user ?? 'whoever was logged in here'} stays in ${quote(ownKey.file)}, behind yours`,
    );
}

/** What `logout` does with keys: the account's own goes, for a login brings it again; what may be the only copy does not. */
export async function forgetOwn(context: VerbContext, user: string | undefined): Promise<void> {
  const { ownKey, session, options, screen } = context;
  const isAny = (await ownKey.first()) !== undefined;
  // Nobody answers, or the login is void: then nothing is known of it.
  const self = isAny ? await whoAmI(session, options).catch(() => undefined) : undefined;
  const file = await ownKey.forget(user, self?.user === user ? self?.key : undefined);
  if (file !== undefined) screen.note(asideWords(file));
}

function olderWords(user: string, before: KeyPair, file: string): string {
  return [
    `note: ${user} has another sealing key now than the one that lies here (${fingerprintOf(before.recipient)}), as when an admin set the password.`,
    `That one stays in ${quote(file)}, behind the new one, and opens what was sealed for it; it may be the only copy`,
  ].join(' ');
}

function asideWords(file: string): string {
  return [
    `note: ${quote(file)} has sealing keys that may be nowhere else, for no peer told that it keeps them: with "--identity" it opens`,
    'what was sealed for them. Delete it when nothing is, or when somebody else may use this machine',
  ].join(' ');
}
