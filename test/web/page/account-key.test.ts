import { identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { newKeyPair, unwrapKeyPair, wrapKeyPair } from '../../../src/cli/sealing/account-key.ts';
import { newAccountKey, rewrappedKey } from '../../../src/web/page/people/account-key.ts';

const before = new Uint8Array(32).fill(1);
const after = new Uint8Array(32).fill(2);

describe('the key pair of an account made in the page', () => {
  it('is one that the program opens, and that age knows', async () => {
    const made = newAccountKey(before);
    const pair = await unwrapKeyPair(made, before);
    expect(pair?.recipient).toBe(made.recipient);
    expect(await identityToRecipient(pair?.identity ?? '')).toBe(made.recipient);
    expect(await unwrapKeyPair(made, after)).toBeUndefined();
    expect(newAccountKey(before).recipient).not.toBe(made.recipient);
  });

  it('goes along when the password changes, also one that the program made', async () => {
    const pair = await newKeyPair();
    const changed = rewrappedKey(wrapKeyPair(pair, before), before, after);
    expect(changed && (await unwrapKeyPair(changed, after))).toEqual(pair);
    expect(changed && (await unwrapKeyPair(changed, before))).toBeUndefined();
    expect(rewrappedKey(wrapKeyPair(pair, before), after, before)).toBeUndefined();
  });

  it('has the public half that follows from the private one, whatever the peers tell', async () => {
    const pair = await newKeyPair();
    const swapped = { ...wrapKeyPair(pair, before), recipient: (await newKeyPair()).recipient };
    expect(await unwrapKeyPair(swapped, before)).toEqual(pair);
    expect(rewrappedKey(swapped, before, after)?.recipient).toBe(pair.recipient);
  });
});
