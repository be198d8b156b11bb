import { answers } from './answering.ts';

/**
 * A worker of the page, `/lookout.js`: told addresses of other peers, it tells the first that answers, or ''. The page itself may
 * ask none of them: which there are stands in the policy of this file, and who is not logged in gets neither.
 */

const page = self as unknown as Worker;

addEventListener('message', async ({ data }: MessageEvent<readonly string[]>) => {
  const probes = data.map(async (http) => {
    if (await answers(http)) return http;
    throw new Error('silent');
  });
  page.postMessage(await Promise.any(probes).catch(() => ''));
});
page.postMessage('ready');
