import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { WebHere } from './web-here.ts';

/** All time-outs of connections are so many times shorter here. */
const FASTER = 300;

afterEach(() => void vi.restoreAllMocks());

test('a change that takes long is waited for, where an idle connection is closed', async () => {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let end = (_reason: Error): void => {};
  const stored = new Promise<never>((_resolve, reject) => {
    end = reject;
  });
  const web = await WebHere.open(() => {
    begin();
    return stored;
  });
  // What serves is loaded by the first request, which is refused.
  expect((await web.ask('GET', '/', { host: 'elsewhere' })).status).toBe(421);
  const { setTimeout: inTime } = Socket.prototype;
  vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, heard) {
    return inTime.call(this, ms / FASTER, heard);
  });
  const headers = { host: `127.0.0.1:${web.port}`, 'x-filemesh': '1', 'content-type': 'application/json' };
  const answer = web.ask('POST', '/api/v1/rename', headers, '{"from":"a","to":"b"}');
  await begun;
  const idle = connect(web.port, '127.0.0.1');
  await once(idle, 'close');
  end(new MeshError('unreachable', 'the work is over'));
  expect((await answer).status).toBe(503);
  await web.close();
});
