import { OwnKey } from '../../src/cli/sealing/own-key.ts';

/** Run as a process: keeps a key of each name given, in the folder given; `-` takes all keys away, as a logout does. */
const [, , folder = '', ...names] = process.argv;
const own = new OwnKey(folder);
for (const name of names) {
  const [identity, recipient] = [`AGE-SECRET-KEY-1${name}`, `age1${name.toLowerCase()}`];
  if (name === '-') await own.forget(undefined, undefined);
  else await own.keep('anna', { identity, recipient }, { recipient, wrapped: name });
}
