import * as accounts from '../../client/verbs/accounts.ts';
import { EVERYONE, type Right } from '../../core/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { LOG_ENTRIES_MAX } from '../../wire/account-calls.ts';
import type { Reply } from '../../wire/calls.ts';
import { checkLogin } from '../check-login.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownTable, shownText } from '../output.ts';
import { page } from '../pager.ts';
import { newKeyPair, unwrapKeyPair, wrapKeyPair } from '../sealing/account-key.ts';
import { keyPairOf } from '../sealing/own-key.ts';
import { askNewSecret, askSecret } from '../secret.ts';
import { readChoice, readInteger } from '../values.ts';
import { optionText, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';

const RIGHTS: readonly Right[] = ['read', 'write', 'none'];
/** Lines of the log that are told. */
const LINES_DEFAULT = 100;
/** Characters of a password at least: whoever has a peer's disk tries as fast as machines go. */
const PASSWORD_MIN = 8;
const WHAT = 'the password';
const NOT_KEPT = ', for this time: later commands are whom the environment, or the file of --config, names';

export const login: VerbCommand = {
  name: 'login',
  words: 'USER',
  count: { min: 1, max: 1 },
  describe: 'log in: the password is asked for, or is the first line of standard input',
  options: {},
  async run(context, line) {
    const user = accounts.checkAccountName(wordAt(line, 0));
    const password = await askSecret(context, `password of ${user}: `, WHAT);
    const { session, options } = context;
    const secrets = await session.signIn.secretsOf(user, password);
    const { token, admin, key } = checkLogin(await accounts.login(session, { user, proof: secrets.proof }, options));
    const isSame = (await context.login?.read())?.user === user;
    const here = isSame ? await context.ownKey.read() : undefined;
    const own = await keyPairOf(session, { user, ...secrets, key }, here, options);
    await context.login?.keep({ user, token: own.token ?? token });
    if (own.pair === undefined) context.screen.note(`note: the key of ${user} is of another password: sealed files stay closed`);
    else await context.ownKey.keep(own.pair);
    if (key !== undefined && own.pair !== undefined && own.pair.recipient !== key.recipient)
      context.screen.note(swappedWords(user));
    if (context.json) context.screen.value({ user, admin });
    else context.screen.print(`logged in as ${user}${admin ? ', an admin' : ''}${context.login === undefined ? NOT_KEPT : ''}`);
    return EXIT_DONE;
  },
};

export const logout: VerbCommand = {
  name: 'logout',
  words: '',
  count: { min: 0, max: 0 },
  describe: "end the login of this machine's user",
  options: {},
  async run(context) {
    await context.login?.forget();
    await context.ownKey.forget();
    await accounts.logout(context.session);
    if (context.json) context.screen.value({});
    else context.screen.print('logged out here; "filemesh user passwd" ends the logins of other machines too');
    return EXIT_DONE;
  },
};

export const user: VerbCommand = {
  name: 'user',
  words: 'add NAME|passwd [NAME]|remove NAME|list',
  count: { min: 1, max: 2 },
  describe: 'add, change, remove or list accounts (the first one is an admin)',
  options: { admin: { describe: 'add one that may do everything' } },
  candidates: () => Object.keys(USER_ACTS),
  async run(context, line) {
    const act = USER_ACTS[wordAt(line, 0)];
    if (act === undefined) throw new MeshError('usage', `"user ${wordAt(line, 0)}" is nothing: user ${user.words}`);
    if (line.options.has('admin') && wordAt(line, 0) !== 'add') throw new MeshError('usage', '--admin goes with "user add"');
    return await act(context, line.words[1], line.options.has('admin'));
  },
};

type UserAct = (context: VerbContext, name: string | undefined, admin: boolean) => Promise<number>;

const USER_ACTS: Readonly<Record<string, UserAct>> = {
  async add(context, given, admin) {
    const name = accounts.checkAccountName(named(given));
    const { proof, wrapKey } = await newSecrets(context, name);
    const key = wrapKeyPair(await newKeyPair(), wrapKey);
    const { first } = await accounts.addUser(context.session, { name, admin, proof, key }, context.options);
    if (context.json) context.screen.value({ user: name, admin: admin || first, first });
    else context.screen.print(first ? firstWords(name) : `added ${name}${admin ? ', an admin' : ''}`);
    return EXIT_DONE;
  },

  async passwd(context, given) {
    const { session, options, screen } = context;
    const self = await accounts.whoAmI(session, options);
    const name = given === undefined ? self?.user : accounts.checkAccountName(given);
    if (name === undefined)
      throw new MeshError('not-allowed', 'log in first ("filemesh login NAME"), or say whose password it is');
    const isOwn = name === self?.user;
    const old = isOwn ? await askSecret(context, `present password of ${name}: `, 'the present password') : undefined;
    const before = old === undefined ? undefined : await session.signIn.secretsOf(name, old);
    const { proof, wrapKey } = await newSecrets(context, name);
    // One's own stays the same, wrapped anew, also where a peer tells of none. Nobody else can unwrap another's: it begins with a
    // new one.
    const isKept = before !== undefined && self?.key !== undefined;
    const here = isOwn ? await context.ownKey.read() : undefined;
    const pair = isKept ? await unwrapKeyPair(self.key, before.wrapKey) : (here ?? (await newKeyPair()));
    if (pair === undefined) throw new MeshError('not-allowed', 'the present password is another one');
    const change = { user: name, proof, key: wrapKeyPair(pair, wrapKey), ...(before && { oldProof: before.proof }) };
    const { token } = checkLogin(await accounts.changePassword(session, change, options));
    if (token !== undefined) await context.login?.keep({ user: name, token });
    if (isOwn) await context.ownKey.keep(pair);
    else screen.note(`note: ${name} cannot open any more what was sealed for them, and can be sealed for from now on`);
    if (context.json) screen.value({ user: name });
    else screen.print(`changed the password of ${name}: whoever was logged in with the old one logs in again`);
    return EXIT_DONE;
  },

  async remove(context, given) {
    const name = accounts.checkAccountName(named(given));
    await accounts.removeUser(context.session, name, context.options);
    if (context.json) context.screen.value({ user: name });
    else context.screen.print(removedWords(name));
    return EXIT_DONE;
  },

  async list(context, given) {
    if (given !== undefined) throw new MeshError('usage', '"user list" takes no name');
    const all = await accounts.users(context.session, context.options);
    if (context.json) context.screen.value(all);
    else {
      const rows = all.map((one) => [
        shownText(one.name),
        one.admin ? 'admin' : '',
        one.recipient === undefined ? '' : 'can be sealed for',
      ]);
      context.screen.print(shownTable(['user', '', ''], rows));
    }
    return EXIT_DONE;
  },
};

export const grant: VerbCommand = {
  name: 'grant',
  words: 'NAME|FOLDER USER|everyone read|write|none',
  count: { min: 3, max: 3 },
  describe: 'say who may read, or change, a file or all in a folder',
  options: {},
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
  describe: 'tell who did what, when, from where and through which peer (an admin sees all, others themselves)',
  options: {
    user: { describe: 'only what this one did', value: 'USER' },
    limit: { describe: `how many lines at most (default ${LINES_DEFAULT})`, value: 'N' },
  },
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

function firstWords(name: string): string {
  return [
    `${name} is the first account, and an admin. From now on everybody logs in who uses this mesh: filemesh login ${name}`,
    `What lies in home/NAME is NAME's alone, all else everybody's; "filemesh grant" changes that, "filemesh user add" lets others in.`,
    'Peers see the files they hold, and whoever has the join line can run one: give it to nobody else.',
  ].join('\n');
}

/** Its owner alone can tell: the private half is nobody else's. */
function swappedWords(name: string): string {
  return [
    `warning: the peers tell of another key for ${name} than the one that is yours, and what others seal for you may open for somebody else.`,
    'Change your password ("filemesh user passwd"), which puts it right, and find out which machine did that.',
  ].join(' ');
}

function removedWords(name: string): string {
  return [
    `removed ${name}; what lies in home/${name} is still there, for admins to see, and for whoever gets the name again`,
    `The join line is another one now, for ${name} may have had the old one: "filemesh invite" tells it.`,
  ].join('\n');
}

function named(name: string | undefined): string {
  if (name === undefined) throw new MeshError('usage', 'whose account? "filemesh user --help" shows how it is used');
  return name;
}

async function newSecrets(context: VerbContext, name: string) {
  const password = await askNewSecret(context, `new password of ${name}: `, 'the new password');
  if ([...password].length < PASSWORD_MIN)
    throw new MeshError('usage', `a password has at least ${PASSWORD_MIN} characters; four or five words are good`);
  return await context.session.signIn.secretsOf(name, password);
}
