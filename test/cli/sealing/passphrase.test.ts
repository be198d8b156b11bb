import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { base64 } from '../../../src/cli/sealing/age-header.ts';
import { PassphraseIdentity, WORK_LOG_MAX } from '../../../src/cli/sealing/age-keys.ts';

/** How many keys are made from a passphrase at this moment, and were at most. */
const making = vi.hoisted(() => ({ now: 0, most: 0, all: 0 }));

vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>();
  const scrypt = (...words: unknown[]): void => {
    const done = words.at(-1) as (...result: unknown[]) => void;
    making.all++;
    making.most = Math.max(making.most, ++making.now);
    const counted = (...result: unknown[]): void => {
      making.now--;
      done(...result);
    };
    (crypto.scrypt as (...all: unknown[]) => void)(...words.slice(0, -1), counted);
  };
  return { ...crypto, scrypt };
});

const stanzas = (workLog: number) => [
  { args: ['scrypt', base64(randomBytes(16)), `${workLog}`], body: new Uint8Array(randomBytes(32)) },
];

test('a passphrase is worked at for one file at a time, however many are opened', async () => {
  const identity = new PassphraseIdentity('correct horse battery');
  const opened = await Promise.all(Array.from({ length: 6 }, () => identity.unwrapFileKey(stanzas(10))));
  expect(opened).toEqual(Array.from({ length: 6 }, () => null));
  expect(making).toEqual({ now: 0, most: 1, all: 6 });
});

test('no more work is done than is good, and what was refused holds up nothing', async () => {
  const identity = new PassphraseIdentity('correct horse battery');
  making.all = 0;
  for (const workLog of [WORK_LOG_MAX + 1, 30, 63])
    await expect(identity.unwrapFileKey(stanzas(workLog))).rejects.toThrow('more work');
  expect(making.all).toBe(0);
  expect(await identity.unwrapFileKey(stanzas(10))).toBeNull();
});
