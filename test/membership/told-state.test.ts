import { expect, test, vi } from 'vitest';
import { encodedBytes } from '../../src/wire/codec.ts';
import { PipeLink } from '../../src/wire/pipe-link.ts';
import { startStory } from '../server/story.ts';

/** All of them are more than a message has room for. */
const NAMES = 1_000;
const real = PipeLink.prototype.note;

test('peers are told what a peer holds and offers, and none of the names in its folder that are not kept', async () => {
  const told: unknown[] = [];
  const note = vi.spyOn(PipeLink.prototype, 'note').mockImplementation(function (this: PipeLink, name, body) {
    if (name === 'load') told.push(body);
    real.call(this, name, body);
  });
  const { mesh, sessions } = await startStory('names that are not kept', { clients: 1 });
  const [alpha] = mesh.peers;
  for (let index = 0; index < NAMES; index++)
    alpha?.node.drive.userWrite(`secret ${'x'.repeat(230)} ${index}.`, new Uint8Array(1));
  alpha?.node.drive.userWrite('kept', new Uint8Array(1));
  const notKept = async () => (await mesh.settle(alpha?.peer?.status() ?? Promise.reject(new Error('no peer')))).notKept.length;
  await mesh.until('the names are met', async () => (await notKept()) > NAMES / 4);
  told.length = 0;
  alpha?.node.drive.userWrite('kept too', new Uint8Array(1));
  await mesh.run(60_000);
  note.mockRestore();
  expect(told.length).toBeGreaterThan(3);
  for (const one of told) {
    const { load } = one as { load: object };
    expect(Object.keys(load).sort()).toEqual(['bytes', 'capacity', 'files', 'incomingBytes', 'incomingFiles']);
    expect(encodedBytes(one)).toBeLessThan(1_000);
  }
  // Who asks is told as many as there is room for.
  const link = await mesh.settle(sessions[0]?.connect() ?? Promise.reject(new Error('no client')));
  expect(link.peer).toBe(alpha?.id);
  const { reply } = await mesh.settle(link.call('status', {}));
  expect(reply.notKept.length).toBe(await notKept());
});
