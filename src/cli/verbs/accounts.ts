import * as accounts from '../../client/verbs/accounts.ts';
import { type AccountKey, EVERYONE, type Right } from '../../core/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { LOG_ENTRIES_MAX } from '../../wire/account-calls.ts';
import type { Reply } from '../../wire/calls.ts';
import { checkLogin } from '../check-login.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownTable, shownText } from '../output.ts';
import { page } from '../pager.ts';
import type { KeyPair } from '../sealing/account-key.ts';
import { forgetOwn, keepOwn } from '../sealing/keep-own.ts';
import { KnownKeys } from '../sealing/known-keys.ts';
import { keyPairOf } from '../sealing/own-key.ts';
import { userOf } from '../sealing/reader-names.ts';
import { keptSealsOf } from '../sealing/seal-options.ts';
import { askSecret } from '../secret.ts';
import { readChoice, readInteger } from '../values.ts';
import { agrees, optionText, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';

const RIGHTS: readonly Right[] = ['read', 'write', 'none'];
/** Lines of the log that are told. */
const LINES_DEFAULT = 100;
const WHAT = 'the password';
const LOGGED_OUT = 'logged out here; "filemesh user passwd" ends the logins of other machines too';
const NOT_LOGGED_OUT = 'nothing is kept here: later commands are whom the environment, or the file of --config, names';
const NOT_KEPT = ', for this time: later commands are whom the environment, or the file of --config, names';

export const login: VerbCommand = {
  name: 'login',
  words: 'USER',
  count: { min: 1, max: 1 },
  describe: 'log in: the password is asked for, or is the first line of standard input',
  options: {},
  examples: ['login anna'],
  async run(context, line) {
    const user = accounts.checkAccountName(wordAt(line, 0));
    await assertAccounts(context);
    const password = await askSecret(context, `password of ${user}: `, WHAT);
    const { session, options } = context;
    const secrets = await session.signIn.secretsOf(user, password);
    const { token, admin, key } = checkLogin(await accounts.login(session, { user, proof: secrets.proof }, options));
    const before = (await context.login?.read())?.user;
    // Whoever was logged in here is no more.
    if (before !== undefined && before !== user) await keptSealsOf(context.meshFolder, before).forgetAll();
    const here = {
      pair: await context.ownKey.read(user),
      mayBegin: () => mayBegin(context, user),
      keep: (pair: KeyPair, made: AccountKey) => context.ownKey.keep(user, pair, made),
    };
    const { own, token: renewed } = await keyPairOf(session, { user, ...secrets, key }, here, options);
    await context.login?.keep({ user, token: renewed ?? token });
    if (own !== undefined) await keepOwn(context, user, own.pair, own.key);
    else context.screen.note(`note: ${key === undefined ? notBegunWords(user) : otherPasswordWords(user)}`);
    if (key !== undefined && own !== undefined && own.pair.recipient !== key.recipient) context.screen.note(swappedWords(user));
    if (context.json) context.screen.value({ user, admin });
    else context.screen.say(`logged in as ${user}${admin ? ', an admin' : ''}${context.login === undefined ? NOT_KEPT : ''}`);
    return EXIT_DONE;
  },
};

export const logout: VerbCommand = {
  name: 'logout',
  words: '',
  count: { min: 0, max: 0 },
  describe: "end the login of this machine's user",
  options: {},
  examples: ['logout'],
  async run(context) {
    const user = await userOf(context);
    await forgetOwn(context, user);
    await context.login?.forget();
    // With them in hand one could open what was uploaded last.
    if (user !== undefined) await keptSealsOf(context.meshFolder, user).forgetAll();
    await accounts.logout(context.session);
    if (context.json) context.screen.value({});
    else if (context.login === undefined) context.screen.say(NOT_LOGGED_OUT);
    else context.screen.say(user === undefined ? 'nobody was logged in here' : LOGGED_OUT);
    return EXIT_DONE;
  },
};

export const grant: VerbCommand = {
  name: 'grant',
  words: 'NAME|FOLDER USER|everyone read|write|none',
  count: { min: 3, max: 3 },
  describe: 'say who may read, or change, a file or all in a folder',
  options: {},
  examples: ['grant docs everyone read', 'grant plans bob none'],
  also: ['chmod', 'share'],
  async run(context, line) {
    const [path, who] = [wordAt(line, 0), wordAt(line, 1)];
    const right = readChoice(wordAt(line, 2), 'the right', RIGHTS);
    await accounts.grant(context.session, { path, who, right }, context.options);
    if (context.json) context.screen.value({ path, who, right });
    else context.screen.print(`${shownText(who)} ${RIGHT_WORDS[right]} ${shownText(path)}`);
    return EXIT_DONE;
  },
};

export const rights: VerbCommand = {
  name: 'rights',
  words: 'NAME|FOLDER',
  count: { min: 1, max: 1 },
  describe: 'tell who may read, or change, a file or a folder',
  options: {},
  examples: ['rights docs'],
  also: ['acl'],
  async run(context, line) {
    const all = await accounts.rightsOf(context.session, wordAt(line, 0), context.options);
    if (context.json) context.screen.value(all);
    else {
      const rows = all.map(({ who, right, from }) => [
        who === EVERYONE ? 'everyone else' : who,
        right,
        from === '' ? '' : shownText(from),
      ]);
      context.screen.print(shownTable(['user', 'right', 'by'], [...rows.slice(1), ...rows.slice(0, 1)]));
    }
    return EXIT_DONE;
  },
};

export const log: VerbCommand = {
  name: 'log',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'tell who did what, when, from where and through which peer',
  options: {
    user: { describe: 'only what this one did', value: 'USER' },
    limit: { describe: `how many lines at most (default ${LINES_DEFAULT})`, value: 'N' },
  },
  details: 'An admin sees what everybody did, others what they did themselves.',
  examples: ['log', 'log --user bob --limit 20'],
  also: ['audit'],
  async run(context, line) {
    const user = optionText(line, 'user');
    const limit = readInteger(optionText(line, 'limit') ?? `${LINES_DEFAULT}`, '--limit', { min: 1, max: 1_000_000 });
    const entries: Reply<'log'>['entries'] = [];
    for (let before: number | undefined, more = true; more && entries.length < limit; before = entries.at(-1)?.at) {
      const query = {
        limit: Math.min(LOG_ENTRIES_MAX, limit - entries.length),
        ...(user && { user }),
        ...(before && { before }),
      };
      const answer = await accounts.readLog(context.session, query, context.options);
      entries.push(...answer.entries);
      more = answer.more && answer.entries.length > 0;
    }
    if (context.json) context.screen.value(entries);
    else {
      const rows = entries.map((one) => [
        `${new Date(one.at).toISOString().slice(0, 19).replace('T', ' ')}`,
        ...[one.user, one.action, one.subject, one.from, one.peer].map(shownText),
      ]);
      await page(context, shownTable(['when (UTC)', 'user', 'did', 'what', 'from', 'through'], rows));
    }
    return EXIT_DONE;
  },
};

const RIGHT_WORDS: Record<Right, string> = { read: 'may read', write: 'may read and change', none: 'does not see' };

/** Nobody types a password where there is nobody to be. */
async function assertAccounts({ session, options }: VerbContext): Promise<void> {
  // Who is not logged in is told no accounts where there are some.
  const told = await accounts.users(session, options).catch(() => undefined);
  if (told?.length === 0) throw new MeshError('usage', accounts.NO_ACCOUNTS);
}

/** Whether an account of which the peers tell no key gets a new one: not unasked, if one of it was seen here. */
async function mayBegin(context: VerbContext, name: string): Promise<boolean> {
  const known = await new KnownKeys(context.meshFolder).find(name);
  return known === undefined || (await agrees(context, `${noKeyWords(name)}. Begin a new one?`));
}

function noKeyWords(name: string): string {
  return `the peers tell of no sealing key of ${name}, who had one, and none lies here`;
}

function notBegunWords(name: string): string {
  return `${noKeyWords(name)}, so sealed files stay closed; "filemesh user passwd --new-key" begins a new one`;
}

function otherPasswordWords(name: string): string {
  return `the key of ${name} is wrapped by another password, so sealed files stay closed; "filemesh user passwd" mends that`;
}

/** Its owner alone can tell: the private half is nobody else's. */
function swappedWords(name: string): string {
  return [
    `warning: the peers tell of another key for ${name} than the one that is yours, and what others seal for you may open for somebody else.`,
    'Change your password ("filemesh user passwd"), which puts it right, and find out which machine did that.',
  ].join(' ');
}
