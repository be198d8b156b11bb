import * as accounts from '../../client/verbs/accounts.ts';
import type { AccountKey } from '../../core/accounts.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { checkLogin } from '../check-login.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownTable, shownText } from '../output.ts';
import type { Parsed } from '../parse.ts';
import { type KeyPair, newKeyPair, wrapKeyPair } from '../sealing/account-key.ts';
import { keepOwn } from '../sealing/keep-own.ts';
import { fingerprintOf, KnownKeys } from '../sealing/known-keys.ts';
import { ownPairOf } from '../sealing/own-key.ts';
import { selfOf } from '../sealing/reader-names.ts';
import { askNewSecret, askSecret } from '../secret.ts';
import { agrees, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';

/** Characters of a password at least: whoever has a peer's disk tries as fast as machines go. */
const PASSWORD_MIN = 8;

export const user: VerbCommand = {
  name: 'user',
  words: 'add NAME|passwd [NAME]|remove NAME|trust NAME [FINGERPRINT]|list',
  count: { min: 1, max: 3 },
  describe: 'add, change, remove or list accounts, or trust a sealing key',
  options: {
    admin: { describe: 'add: an admin, who may do everything' },
    'keep-home': {
      describe: 'add: what an earlier one of that name left in the home is theirs, its trash and earlier versions too',
    },
    'new-key': { describe: 'passwd: begin a new sealing key where the old one is lost, and with it what is sealed for it' },
  },
  details: 'The first account is an admin, and from then on everybody logs in.',
  examples: ['user add anna', 'user add bob --admin', 'user passwd', 'user list', 'user trust bob'],
  also: ['users', 'account', 'passwd'],
  candidates: () => Object.keys(USER_ACTS),
  async run(context, line) {
    const act = USER_ACTS[wordAt(line, 0)];
    if (act === undefined) throw new MeshError('usage', `there is no "user ${wordAt(line, 0)}"; there are: user ${user.words}`);
    for (const [option, verb] of [
      ['admin', 'add'],
      ['keep-home', 'add'],
      ['new-key', 'passwd'],
    ] as const) {
      if (line.options.has(option) && wordAt(line, 0) !== verb)
        throw new MeshError('usage', `--${option} goes with "user ${verb}"`);
    }
    const [, given, said] = line.words;
    if (said !== undefined && act !== USER_ACTS.trust) throw new MeshError('usage', `user takes fewer words: user ${user.words}`);
    return await act(context, given, line.options, said);
  },
};

type UserAct = (
  context: VerbContext,
  name: string | undefined,
  options: Pick<Parsed['options'], 'has'>,
  /** The third word. */
  said: string | undefined,
) => Promise<number>;

const USER_ACTS: Readonly<Record<string, UserAct>> = {
  async add(context, given, chosen) {
    const name = accounts.checkAccountName(named(given));
    const admin = chosen.has('admin');
    await assertMayAdd(context);
    const { proof, wrapKey } = await newSecrets(context, name);
    const pair = await newKeyPair();
    const key = wrapKeyPair(pair, wrapKey);
    const wish = { name, admin, proof, key, keepHome: chosen.has('keep-home') };
    const { first } = await accounts.addUser(context.session, wish, context.options);
    // It was made here: nobody need be asked whether it is right.
    await new KnownKeys(context.meshFolder).keep(name, pair.recipient);
    const isIn = first && (await enter(context, name, proof, { pair, key }));
    if (context.json) context.screen.value({ user: name, admin: admin || first, first });
    else context.screen.say(first ? firstWords(name, isIn) : `added ${name}${admin ? ', an admin' : ''}`);
    return EXIT_DONE;
  },

  async passwd(context, given, chosen) {
    const { session, options, screen } = context;
    const self = await accounts.whoAmI(session, options);
    const name = given === undefined ? self?.user : accounts.checkAccountName(given);
    if (name === undefined)
      throw new MeshError('not-allowed', 'log in first ("filemesh login NAME"), or say whose password it is');
    const isOwn = name === self?.user;
    if (self !== undefined && !isOwn) assertAdmin(self);
    const old = isOwn ? await askSecret(context, `present password of ${name}: `, 'the present password') : undefined;
    const before = old === undefined ? undefined : await session.signIn.secretsOf(name, old);
    const { proof, wrapKey } = await newSecrets(context, name);
    // One's own stays the same, wrapped anew. Nobody else can unwrap another's: it begins with a new one.
    const isOwnPair = isOwn && self !== undefined && before !== undefined;
    const pair = isOwnPair ? await ownPair(context, { ...self, ...before }, chosen.has('new-key')) : await newKeyPair();
    const key = wrapKeyPair(pair, wrapKey);
    const change = { user: name, proof, key, ...(before && { oldProof: before.proof }) };
    const { token } = checkLogin(await accounts.changePassword(session, change, options));
    if (token !== undefined) await context.login?.keep({ user: name, token });
    if (isOwn) await keepOwn(context, name, pair, key);
    else {
      await new KnownKeys(context.meshFolder).keep(name, pair.recipient);
      screen.note(
        `note: ${name} opens what was sealed for them only where they are logged in by now, and can be sealed for from now on`,
      );
    }
    if (context.json) screen.value({ user: name });
    else screen.say(`changed the password of ${name}: whoever was logged in with the old one logs in again`);
    return EXIT_DONE;
  },

  async remove(context, given) {
    const name = accounts.checkAccountName(named(given));
    await accounts.removeUser(context.session, name, context.options);
    if (context.json) context.screen.value({ user: name });
    else context.screen.say(removedWords(name));
    return EXIT_DONE;
  },

  async list(context, given) {
    if (given !== undefined) throw new MeshError('usage', '"user list" takes no name');
    const told = await accounts.users(context.session, context.options);
    const all = await Promise.all(told.map((one) => withFingerprint(context, one)));
    if (context.json) context.screen.value(all);
    else if (all.length === 0) context.screen.print(accounts.NO_ACCOUNTS);
    else {
      const rows = all.map((one) => [
        ...[shownText(one.name), one.admin ? 'admin' : '', one.fingerprint ?? ''],
        one.trusted === false ? 'another key than before: "filemesh user trust NAME FINGERPRINT"' : '',
      ]);
      context.screen.print(shownTable(['user', '', 'sealing key', ''], rows));
    }
    return EXIT_DONE;
  },

  async trust(context, given, _options, said) {
    const name = accounts.checkAccountName(named(given));
    const { recipient } = (await accounts.users(context.session, context.options)).find((one) => one.name === name) ?? {};
    if (recipient === undefined) throw new MeshError('not-found', `there is no account ${name} with a key to seal for`);
    if (name === (await selfOf(context))?.name) throw new MeshError('usage', 'your own key is the one that lies here');
    // A peer that lies could tell another key each time it is asked: the one that a person compared is taken, and no other.
    const fingerprint = fingerprintOf(recipient);
    if (said !== undefined && said.toLowerCase() !== fingerprint) throw otherKey(name, fingerprint);
    if (said === undefined && !(await agrees(context, `Is ${fingerprint} what "filemesh user list" shows to ${name}?`)))
      throw new MeshError('usage', `nothing was changed: "filemesh user trust ${name} FINGERPRINT" takes what ${name} reads out`);
    await new KnownKeys(context.meshFolder).keep(name, recipient);
    if (context.json) context.screen.value({ user: name, recipient, fingerprint });
    else context.screen.print(`the key of ${name} is ${fingerprint} from now on`);
    return EXIT_DONE;
  },
};

type ListedUser = Awaited<ReturnType<typeof accounts.users>>[number];

/** `trusted`: false where the key is another one than was seen here before; of who is logged in the one that lies here is told. */
async function withFingerprint(
  context: VerbContext,
  user: ListedUser,
): Promise<ListedUser & { fingerprint?: string; trusted?: boolean }> {
  const self = await selfOf(context);
  const recipient = self?.name === user.name ? self.recipient : user.recipient;
  if (recipient === undefined) return user;
  const isTrusted = self?.name === user.name || (await isAsSeen(context, user.name, recipient));
  return { ...user, recipient, fingerprint: fingerprintOf(recipient), trusted: isTrusted };
}

/** Whoever lists keys to compare them sees the others too, where one that was seen cannot be read. */
async function isAsSeen({ meshFolder, screen }: VerbContext, name: string, recipient: string): Promise<boolean> {
  try {
    const known = await new KnownKeys(meshFolder).find(name);
    return known === undefined || known === recipient;
  } catch (thrown) {
    screen.note(`warning: ${asMeshError(thrown).message}`);
    return false;
  }
}

/** One's own pair; a new one where that is lost and the person says so. */
async function ownPair(context: VerbContext, self: Parameters<typeof ownPairOf>[1], isNewWanted: boolean): Promise<KeyPair> {
  const { session, options, ownKey } = context;
  const pair = await ownPairOf(session, self, await ownKey.read(self.user), options);
  if (pair !== undefined) return pair;
  const words = self.key === undefined ? untoldKeyWords(self.user) : lostKeyWords(self.user);
  if (!isNewWanted && !(await agrees(context, `${words} Begin a new one?`)))
    throw new MeshError('usage', `${words} "filemesh user passwd --new-key" begins a new one; nothing was changed`);
  return await newKeyPair();
}

/** Nobody thinks of a password for nothing: it would be refused only after that. */
async function assertMayAdd({ session, options }: VerbContext): Promise<void> {
  // None: this is the first.
  if ((await accounts.users(session, options)).length === 0) return;
  const self = await accounts.whoAmI(session, options);
  if (self !== undefined) assertAdmin(self);
}

function assertAdmin({ user, admin }: { readonly user: string; readonly admin: boolean }): void {
  if (admin) return;
  const words = `${user} may not do that: accounts of others are for admins; "filemesh user list" tells who is one`;
  throw new MeshError('not-allowed', words);
}

/** Whoever made the first account is that one, with the password just given. False: it goes on as nobody, and logs in later. */
async function enter(
  context: VerbContext,
  user: string,
  proof: string,
  own: { readonly pair: KeyPair; readonly key: AccountKey },
): Promise<boolean> {
  const { session, options, login } = context;
  try {
    const result = await accounts.login(session, { user, proof }, options);
    if (result.kind !== 'in') return false;
    await login?.keep({ user, token: result.token });
    await keepOwn(context, user, own.pair, own.key);
    return true;
  } catch {
    return false;
  }
}

function otherKey(name: string, fingerprint: string): MeshError {
  const words = `the peers tell of another key for ${name}, ${fingerprint}: nothing was changed. Compare it with ${name} once more; else a peer lies`;
  return new MeshError('not-allowed', words);
}

function firstWords(name: string, isIn: boolean): string {
  const here = isIn ? `You are logged in as ${name}. ` : '';
  return [
    `${name} is the first account, and an admin. ${here}From now on everybody logs in who uses this mesh: filemesh login NAME`,
    `What lies in home/NAME is NAME's alone, all else everybody's; "filemesh grant" changes that, "filemesh user add" lets others in.`,
    'Peers see the files they hold, and whoever has the join line can run one: give it to nobody else.',
  ].join('\n');
}

function lostKeyWords(name: string): string {
  return `The sealing key of ${name} is wrapped by another password, and does not lie here: what is sealed for it stays closed to ${name} for good.`;
}

/** Were it begun unasked, a peer that tells of none could make others lose theirs. */
function untoldKeyWords(name: string): string {
  return `The peers tell of no sealing key of ${name}, and none lies here. If ${name} had one, what is sealed for it stays closed to ${name} for good.`;
}

function removedWords(name: string): string {
  return [
    `removed ${name}; what lies in home/${name} is still there, for admins to see`,
    `The join line is another one now, for ${name} may have had the old one: "filemesh invite" tells it.`,
  ].join('\n');
}

function named(name: string | undefined): string {
  if (name === undefined) throw new MeshError('usage', 'whose account? "filemesh help user" shows how it is used');
  return name;
}

async function newSecrets(context: VerbContext, name: string) {
  const password = await askNewSecret(context, `new password of ${name}: `, 'the new password');
  if ([...password].length < PASSWORD_MIN)
    throw new MeshError('usage', `a password has at least ${PASSWORD_MIN} characters; four or five words are good`);
  return await context.session.signIn.secretsOf(name, password);
}
