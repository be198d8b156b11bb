import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyPairOf, OwnKey } from '../../../src/cli/sealing/own-key.ts';
import type { Session } from '../../../src/client/session.ts';

const pair = (name: string) => ({ identity: `AGE-SECRET-KEY-1${name}`, recipient: `age1${name.toLowerCase()}` });
const [FIRST, SECOND, OTHER] = [pair('FIRST'), pair('SECOND'), pair('OTHER')];
const keyOf = ({ recipient }: { recipient: string }, wrapped = 'wrapped') => ({ recipient, wrapped });

describe('the private keys that lie here', () => {
  let folder: string;
  let own: OwnKey;
  const inFile = (name: string) => readFileSync(join(folder, name), 'utf8').match(/^AGE-SECRET-KEY-.*/gm);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'filemesh-own-key-'));
    own = new OwnKey(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('stay behind the latest one, and each opens for its owner alone', async () => {
    await own.keep('ben', FIRST, keyOf(FIRST));
    await own.keep('anna', OTHER, keyOf(OTHER));
    await own.keep('ben', SECOND, keyOf(SECOND));
    await own.keep('ben', SECOND, keyOf(SECOND));
    expect(inFile('age-key.txt')).toEqual([SECOND.identity, OTHER.identity, FIRST.identity]);
    expect(await own.read('ben')).toEqual(SECOND);
    expect(await own.read('anna')).toEqual(OTHER);
    expect(await own.read('carl')).toBeUndefined();
    expect(await own.identities('ben')).toEqual([SECOND.identity, FIRST.identity]);
  });

  it('are nobody’s by name where the file does not say whose, but open', async () => {
    writeFileSync(join(folder, 'age-key.txt'), `# public key: ${FIRST.recipient}\n${FIRST.identity}\n`);
    expect(await own.read('ben')).toBeUndefined();
    expect(await own.identities('ben')).toEqual([FIRST.identity]);
  });

  it('go with a logout if the peers keep them as they were wrapped here, and are moved aside if not', async () => {
    await own.keep('ben', FIRST, keyOf(FIRST));
    expect(await own.forget('ben', keyOf(FIRST))).toBeUndefined();
    expect(() => inFile('age-key.txt')).toThrow();
    const aside = join(folder, 'age-keys-aside.txt');
    for (const key of [undefined, keyOf(SECOND), keyOf(FIRST, 'by another password')]) {
      await own.keep('ben', FIRST, keyOf(FIRST));
      expect(await own.forget('ben', key)).toBe(aside);
      expect(() => inFile('age-key.txt')).toThrow();
      expect(inFile('age-keys-aside.txt')).toEqual([FIRST.identity]);
    }
    await own.keep('anna', OTHER, keyOf(OTHER));
    expect(await own.forget('ben', keyOf(OTHER))).toBe(aside);
    expect(inFile('age-keys-aside.txt')).toEqual([OTHER.identity, FIRST.identity]);
  });

  it('lie here before the peers hear of them, for another pair may take their place there at once', async () => {
    const atPeers: unknown[] = [];
    const session = {
      newRequest: () => 'request',
      connect: async () => {},
      signIn: {
        use: async () => {},
        who: { user: 'ben', admin: false, key: { recipient: 'age1other', wrapped: 'A'.repeat(64) } },
      },
      call: async (_name: string, ask: { key: { recipient: string } }) => {
        atPeers.push({ told: ask.key.recipient, here: (await own.read('ben'))?.recipient });
        return { reply: { token: 'another' } };
      },
    } as unknown as Session;
    const shown = { user: 'ben', proof: '0f'.repeat(32), wrapKey: new Uint8Array(32) };
    const here = { pair: undefined, mayBegin: async () => true, keep: own.keep.bind(own, 'ben') };
    expect(await keyPairOf(session, shown, here, {})).toEqual({ token: 'another' });
    const kept = (await own.read('ben'))?.recipient;
    expect(kept).toMatch(/^age1/);
    expect(atPeers).toEqual([{ told: kept, here: kept }]);
  });

  it('are not taken for none when they cannot be read', async () => {
    mkdirSync(join(folder, 'age-key.txt'));
    await expect(own.keep('ben', FIRST, keyOf(FIRST))).rejects.toThrow(/age-key\.txt.*cannot be read/);
  });
});
