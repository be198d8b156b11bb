import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { OptionTable, Parsed } from '../parse.ts';
import { readJson, writePrivate } from '../private-file.ts';
import { askNewSecret, askSecret } from '../secret.ts';
import { systemReason } from '../system-reason.ts';
import { optionText, type VerbContext } from '../verb.ts';
import { PassphraseIdentity } from './age-keys.ts';
import { KeptSeals } from './kept-seals.ts';
import type { Keys } from './opening.ts';
import { addedTo, readersNamed, selfOf, userOf } from './reader-names.ts';
import type { Reader } from './readers.ts';
import { type SealedFor, Sealing } from './sealing.ts';

/** Whoever has the file can try passphrases as fast as machines go. In characters. */
const PASSPHRASE_MIN = 8;
/** What age itself made, of its format by lines or by text. */
const SEALED = /^(age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/;

/** What `upload` takes to seal. */
export const SEAL_OPTIONS = {
  seal: { describe: 'seal it before it leaves this machine: no peer can read it (age format, NAME.age)' },
  for: { describe: 'who may open it beside you, repeatable: a user, or a key (age1…)', value: 'USER', repeats: true },
  passphrase: { describe: 'seal it with a passphrase instead' },
} as const satisfies OptionTable;

/** What `download` takes to open. */
export const OPEN_OPTIONS = {
  passphrase: { describe: 'open what is sealed with a passphrase' },
  identity: { describe: 'open what is sealed to the keys in FILE, beside your own (as age-keygen writes it)', value: 'FILE' },
  sealed: { describe: 'save sealed files as they are' },
} as const satisfies OptionTable;

/** How what is uploaded is sealed; undefined: it is not. Rejects with `usage`. */
export async function sealingOf(context: VerbContext, line: Parsed): Promise<Sealing | undefined> {
  const named = line.options.get('for') ?? [];
  const byPassphrase = line.options.has('passphrase');
  if (!line.options.has('seal')) {
    if (named.length === 0 && !byPassphrase) return undefined;
    throw new MeshError('usage', `--${byPassphrase ? 'passphrase' : 'for'} goes with --seal`);
  }
  if (byPassphrase && named.length > 0)
    throw new MeshError('usage', 'a file is sealed either with a passphrase or for somebody: --passphrase or --for');
  const sealedFor = byPassphrase ? await newPassphrase(context, line) : { readers: await readersOf(context, named) };
  return new Sealing(sealedFor, keptSealsOf(context.meshFolder, await userOf(context)));
}

/** The seals that uploads of one user left, which end with that user's login; of nobody by name those that a passphrase opens, or a key. */
export function keptSealsOf(meshFolder: string, user: string | undefined): KeptSeals {
  // Not the bare name: it would stand beside what is no user's.
  return new KeptSeals(join(meshFolder, 'seals', ...(user === undefined ? [] : [`of-${user}`])));
}

/** What sealed files are opened with. Rejects with `usage`. */
export async function keysOf(context: VerbContext, line: Parsed): Promise<Keys> {
  const file = optionText(line, 'identity');
  const own = await context.ownKey.identities(await userOf(context));
  const identities = [...own, ...(file === undefined ? [] : await identitiesIn(file))];
  if (!line.options.has('passphrase')) return { identities };
  return { identities, passphrase: new PassphraseIdentity(await askSecret(context, 'passphrase: ', 'the passphrase')) };
}

async function newPassphrase(context: VerbContext, line: Parsed): Promise<SealedFor> {
  if (line.words.includes('-') && context.ask === undefined)
    throw new MeshError('usage', 'standard input is the file: the passphrase cannot come from there too');
  context.screen.note('note: a lost passphrase is final. Nobody can open the file without it, no peer and no administrator.');
  const passphrase = await askNewSecret(context, 'passphrase: ', 'the passphrase');
  if ([...passphrase].length >= PASSPHRASE_MIN) return { passphrase };
  throw new MeshError('usage', `a passphrase has at least ${PASSPHRASE_MIN} characters; four or five words are good`);
}

/** Whoever seals, and who is named. */
async function readersOf(context: VerbContext, names: readonly string[]): Promise<Reader[]> {
  const self = await selfOf(context);
  const readers = addedTo(self === undefined ? [] : [self], await readersNamed(context, names));
  if (readers.length === 0) {
    const how =
      'log in ("filemesh login NAME") to seal it for yourself, or name somebody with --for; --passphrase asks for a passphrase';
    throw new MeshError('usage', `whom is it sealed for? ${how}`);
  }
  await tellOnce(context);
  return readers;
}

/** Before the first file is sealed here: what cannot be mended later. */
async function tellOnce(context: VerbContext): Promise<void> {
  const told = join(context.meshFolder, 'seals', 'told');
  if ((await readJson(told)) !== undefined) return;
  context.screen.note(
    'note: what is sealed opens with the password of its readers alone. A lost password is final: then no peer and no administrator can open it.',
  );
  await writePrivate(told, JSON.stringify({ told: true }));
}

/** The keys of a file as age-keygen writes it: a key a line, beside comments. No line of it is told, for it may be secret. */
async function identitiesIn(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new MeshError('usage', `${quote(file)} cannot be read: ${systemReason(cause)}`, { cause });
  }
  if (SEALED.test(text))
    throw new MeshError('usage', `${quote(file)} is sealed itself: open it first ("age -d"), and name what comes of it`);
  const identities: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.trim();
    if (word === '' || word.startsWith('#')) continue;
    if (!(await isIdentity(word)))
      throw new MeshError('usage', `line ${index + 1} of ${quote(file)} is no key as age-keygen writes it (AGE-SECRET-KEY-1…)`);
    identities.push(word);
  }
  if (identities.length > 0) return identities;
  throw new MeshError('usage', `${quote(file)} has no key in it (AGE-SECRET-KEY-1…)`);
}

async function isIdentity(word: string): Promise<boolean> {
  // Loaded when it is needed: it takes longer than most verbs.
  const { identityToRecipient } = await import('age-encryption');
  return await identityToRecipient(word).then(
    () => true,
    () => false,
  );
}
