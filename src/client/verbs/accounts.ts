import type { AccountKey, Right } from '../../core/accounts.ts';
import { ACCOUNT_NAME_WORDS, EVERYONE, HOMES, isAccountName } from '../../core/accounts.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { pathNamed, quote } from '../../core/path.ts';
import type { Address } from '../../platform/network.ts';
import type { Reply } from '../../wire/calls.ts';
import type { Session } from '../session.ts';
import type { SignedIn } from '../sign-in.ts';
import type { VerbOptions } from '../transfer.ts';

type Options = Pick<VerbOptions, 'signal'>;

/** What a try to log in, or to change one's password, came to. `wait`: nothing was looked at, and is not for so many seconds. */
export type LoginResult =
  | ({ readonly kind: 'in'; readonly token: string } & SignedIn)
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly seconds: number };

/** Who wants in. `proof`: see `SignIn.secretsOf`; `from`: where the person is, when this program speaks for somebody elsewhere. */
export interface Credentials {
  readonly user: string;
  readonly proof: string;
  readonly from?: Address;
}

/** Logs in: from then on all links of the session are that account's. Rejects with `usage` where there are no accounts. */
export async function login(session: Session, { user, proof, from }: Credentials, options: Options): Promise<LoginResult> {
  const ask = { user, proof, ...(from !== undefined && { from }) };
  const answer = await tried(session.call('login', ask, options).catch(noAccounts));
  if (answer.kind !== 'done') return answer;
  const { token, admin = false, key } = answer.reply;
  if (token === undefined) throw new MeshError('protocol', 'the peer answered the login with nothing');
  await session.signIn.use(token, from);
  return { kind: 'in', token, user, admin, ...(key !== undefined && { key }) };
}

/** Ends the login of this session; the token stays good for who has it. */
export function logout(session: Session): Promise<void> {
  return session.signIn.use(undefined);
}

/** Who this session is for; undefined: nobody, or the login is void. Waits for a peer. */
export async function whoAmI(session: Session, options: Options): Promise<SignedIn | undefined> {
  await session.connect(options);
  return session.signIn.who;
}

/** Who may be added: `usage` for a name that cannot be one. */
export function checkAccountName(name: string): string {
  if (isAccountName(name)) return name;
  throw new MeshError('usage', `an account cannot be called ${quote(name)}: its name has ${ACCOUNT_NAME_WORDS}`);
}

export interface NewUser {
  readonly name: string;
  readonly admin: boolean;
  /** See `SignIn.secretsOf`. */
  readonly proof: string;
  readonly key?: AccountKey;
  /** What an earlier one of that name left in the home is to be theirs. */
  readonly keepHome?: boolean;
}

/** Adds an account. Rejects with `conflict` when it would get what another one left. `first`: it is an admin, and from now on everybody must log in. */
export async function addUser(session: Session, user: NewUser, options: Options): Promise<{ first: boolean }> {
  const { name, admin, proof, key, keepHome } = user;
  try {
    const request = session.newRequest();
    const ask = {
      name: checkAccountName(name),
      admin,
      proof,
      request,
      ...(key !== undefined && { key }),
      ...(keepHome && { keepHome }),
    };
    return (await session.call('user-add', ask, options)).reply;
  } catch (thrown) {
    const { code } = asMeshError(thrown);
    if (code === 'unavailable') throw new MeshError('unavailable', await awayWords(session, options), { cause: thrown });
    if (code === 'conflict') throw new MeshError('conflict', leftWords(name), { cause: thrown });
    if (code !== 'exists') throw thrown;
    const words = `there is an account ${quote(name)} already; "filemesh user list" lists them`;
    throw new MeshError('exists', words, { cause: thrown });
  }
}

function leftWords(name: string): string {
  const home = `${HOMES}/${name}`;
  return [
    `${home} has, or had, files of an earlier ${name}, and the new one would get them, deleted ones and earlier versions too; nobody`,
    `was added. "filemesh user add ${name} --keep-home" gives them all that; else take another name`,
  ].join(' ');
}

/** Why the first account cannot be made now. */
async function awayWords(session: Session, options: Options): Promise<string> {
  const { peers } = (await session.call('peers', {}, options)).reply;
  const away = peers.filter(({ alive }) => !alive).map(({ name }) => quote(name));
  const why = 'the first account is made while every peer is here, so that none goes on without it';
  if (away.length > 0) return `${why}: start ${away.join(', ')}, or take out what is gone for good with "filemesh remove PEER"`;
  return `${why}: this one came with a join line and has met no other yet; start another, or this one without --join`;
}

/**
 * Gives an account another password: one's own by the old one, another's as an admin. `key`: the key wrapped anew; without
 * it another's is gone. All logins of that account end; this session's own goes on.
 */
export async function changePassword(
  session: Session,
  change: { readonly user: string; readonly oldProof?: string; readonly proof: string; readonly key?: AccountKey },
  options: Options,
): Promise<{ kind: 'done'; token?: string } | Exclude<LoginResult, { kind: 'in' }>> {
  const { user, oldProof, proof, key } = change;
  const ask = {
    user: checkAccountName(user),
    proof,
    request: session.newRequest(),
    ...(oldProof !== undefined && { oldProof }),
    ...(key !== undefined && { key }),
  };
  const call = session.call('user-passwd', ask, options).catch((thrown) => noSuchUser(user, thrown));
  // Without an old one nothing was guessed: then a refusal says that this is for an admin.
  const answer = oldProof === undefined ? { kind: 'done' as const, reply: (await call).reply } : await tried(call);
  if (answer.kind !== 'done') return answer;
  const { token } = answer.reply;
  if (token === undefined) return { kind: 'done' };
  await session.signIn.use(token);
  return { kind: 'done', token };
}

export async function removeUser(session: Session, user: string, options: Options): Promise<void> {
  try {
    const ask = { user: checkAccountName(user), request: session.newRequest() };
    await session.call('user-remove', ask, options).catch((thrown) => noSuchUser(user, thrown));
  } catch (thrown) {
    if (asMeshError(thrown).code !== 'usage' || !isAccountName(user)) throw thrown;
    const why = `${user} cannot be removed: the last admin stays, for somebody must be able to add others`;
    throw new MeshError('usage', why, { cause: thrown });
  }
}

export async function users(session: Session, options: Options): Promise<Reply<'users'>['users']> {
  return (await session.call('users', {}, options).catch(noAccounts)).reply.users;
}

/** Says what `who`, an account or `everyone`, may do with a path and all below it. */
export async function grant(
  session: Session,
  { path: name, who, right }: { readonly path: string; readonly who: string; readonly right: Right },
  options: Options,
): Promise<void> {
  const path = pathNamed(name);
  const wanted = who === EVERYONE ? who : checkAccountName(who);
  const ask = { path, who: wanted, right, request: session.newRequest() };
  await session.call('grant', ask, { ...options, subject: path }).catch((thrown: unknown) => {
    // One answer for both: what one may not see is not found.
    const { code } = asMeshError(thrown);
    if (code !== 'not-found' || who === EVERYONE) return noAccounts(thrown);
    const words = `there is no ${quote(path)}, or no account ${quote(who)}, in the mesh; "filemesh show" and "filemesh user list" tell`;
    throw new MeshError('not-found', words, { cause: thrown });
  });
}

/** What everyone may do with a path, and each account that may do something else. */
export async function rightsOf(session: Session, name: string, options: Options): Promise<Reply<'rights'>['rights']> {
  const path = pathNamed(name);
  const rights: Reply<'rights'>['rights'] = [];
  for (let after: string | undefined; ; ) {
    const ask = { path, ...(after !== undefined && { after }) };
    const { reply } = await session.call('rights', ask, { ...options, subject: path }).catch(noAccounts);
    rights.push(...reply.rights);
    const last = reply.rights.at(-1)?.who;
    // A peer that tells the same again is asked no more.
    if (reply.more !== true || last === undefined || (after !== undefined && last <= after)) return rights;
    after = last;
  }
}

/** Which deeds are wanted: older than `before` (wall ms), at most `limit` (1…500), those of `user` alone. */
export interface LogQuery {
  readonly before?: number;
  readonly limit: number;
  readonly user?: string;
}

/** A page of what was done, the newest first; the next one is before the last one's time. One's own deeds, for an admin all. */
export async function readLog(session: Session, query: LogQuery, options: Options): Promise<Reply<'log'>> {
  return (await session.call('log', { ...query }, options).catch(noAccounts)).reply;
}

type Tried<R> = { readonly kind: 'done'; readonly reply: R } | Exclude<LoginResult, { kind: 'in' }>;

/** A password was shown: what came of that. */
async function tried<R extends { wait?: number | undefined }>(call: Promise<{ readonly reply: R }>): Promise<Tried<R>> {
  try {
    const { reply } = await call;
    return reply.wait === undefined || reply.wait === 0 ? { kind: 'done', reply } : { kind: 'wait', seconds: reply.wait };
  } catch (thrown) {
    if (asMeshError(thrown).code === 'not-allowed') return { kind: 'wrong' };
    throw thrown;
  }
}

function noSuchUser(user: string, thrown: unknown): never {
  if (asMeshError(thrown).code !== 'not-found') throw thrown;
  throw new MeshError('not-found', `there is no account ${quote(user)}; "filemesh user list" lists them`, { cause: thrown });
}

function noAccounts(thrown: unknown): never {
  if (asMeshError(thrown).code !== 'usage') throw thrown;
  throw new MeshError('usage', NO_ACCOUNTS, { cause: thrown });
}

export const NO_ACCOUNTS = 'this mesh has no accounts: everybody may do everything; "filemesh user add NAME" makes the first one';
