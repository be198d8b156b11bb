import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ReadBlock } from '../../src/platform/node/read-block.ts';
import { pattern } from './network-acceptance.ts';

const BYTES = 500_000;

let server: Server;
let near: Socket;
let far: Socket;

beforeEach(async () => {
  server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  near = connect((server.address() as { port: number }).port, '127.0.0.1');
  [far] = (await once(server, 'connection')) as [Socket];
});

afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

/** Takes all that comes, held after each piece until the next turn; whether memory was lent throughout. */
async function readHolding(block: ReadBlock): Promise<{ whole: Uint8Array; isLent: boolean; heldPieces: number }> {
  const parts: Uint8Array[] = [];
  const memories = new Set<unknown>();
  let isHeld = false;
  let heldPieces = 0;
  const take = (bytes: Uint8Array): void => {
    if (isHeld) heldPieces++;
    parts.push(bytes.slice());
    memories.add(bytes.buffer);
    isHeld = true;
    block.hold();
    far.pause();
    setImmediate(() => {
      isHeld = false;
      if (block.give(take)) far.resume();
    });
  };
  if (block.give(take)) far.resume();
  await expect.poll(() => parts.reduce((sum, { length }) => sum + length, 0)).toBe(BYTES);
  return { whole: Buffer.concat(parts), isLent: memories.size < parts.length, heldPieces };
}

describe('a block that adopts a socket', () => {
  test('lends it its memory, and nothing is heard while it is held', async () => {
    const block = new ReadBlock();
    block.adopt(far);
    near.write(pattern(BYTES));
    const { whole, isLent, heldPieces } = await readHolding(block);
    expect(Buffer.compare(whole, pattern(BYTES))).toBe(0);
    expect([isLent, heldPieces]).toEqual([true, 0]);
  });

  test('gives what the socket had read before', async () => {
    near.write(pattern(BYTES).subarray(0, 1_000));
    far.read(0);
    await expect.poll(() => far.readableLength).toBe(1_000);
    const block = new ReadBlock();
    block.adopt(far);
    near.write(pattern(BYTES).subarray(1_000));
    expect(Buffer.compare((await readHolding(block)).whole, pattern(BYTES))).toBe(0);
  });

  test.each(['useUserBuffer', 'kBuffer'])('is fed by `data` where a Node knows no %s', async (missing) => {
    if (missing === 'kBuffer') far = strange(far);
    else Object.defineProperty(Reflect.get(far, '_handle'), missing, { value: undefined });
    const block = new ReadBlock();
    block.adopt(far);
    near.write(pattern(BYTES));
    const { whole, isLent, heldPieces } = await readHolding(block);
    expect(Buffer.compare(whole, pattern(BYTES))).toBe(0);
    expect([isLent, heldPieces]).toEqual([false, 0]);
  });
});

/** The same socket, its inside hidden from whoever asks for its symbols. */
function strange(socket: Socket): Socket {
  return new Proxy(socket, {
    ownKeys: () => [],
    get: (inner, key) => {
      const value = Reflect.get(inner, key);
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
}
