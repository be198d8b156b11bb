import { spawn } from 'node:child_process';
import { MeshError } from '../core/errors.ts';
import { EXIT_DONE } from './exit-codes.ts';
import { clientWish, openClient } from './open-client.ts';
import type { Parsed } from './parse.ts';
import type { Screen } from './screen.ts';

/** What opens an address in the user's browser, by system. */
const OPENERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};
const OPENER_DEFAULT: readonly string[] = ['xdg-open'];

/** Opens the page of a peer of this machine, else of one that serves it to others, and prints its address. Resolves with the exit code. */
export async function openPage(line: Parsed, screen: Screen): Promise<number> {
  const wish = await clientWish(line, process.env);
  const http = wish.mesh.pages[0] ?? (await pageElsewhere(wish));
  if (http === undefined) {
    throw new MeshError(
      'unavailable',
      'no peer on this machine serves a page, and none serves it to others; start one with "filemesh up", or elsewhere with --http ADDRESS:PORT',
    );
  }
  if (line.options.has('json')) screen.value({ http });
  else screen.print(http);
  await show(http);
  return EXIT_DONE;
}

/** Of a peer that lives and serves other machines: what is served on the loopback is for its own machine. */
async function pageElsewhere(wish: Awaited<ReturnType<typeof clientWish>>): Promise<string | undefined> {
  const client = await openClient(wish, { timeoutMs: wish.timeoutMs });
  try {
    await client.enter({});
    const { reply } = await client.session.call('peers', {});
    return reply.peers.find(({ alive, http }) => alive && http?.startsWith('https:') === true)?.http;
  } finally {
    await client.close();
  }
}

/** Where there is no browser, the address that was printed is all. */
function show(address: string): Promise<void> {
  const [program = '', ...words] = OPENERS[process.platform] ?? OPENER_DEFAULT;
  return new Promise((resolve) => {
    const opener = spawn(program, [...words, address], { stdio: 'ignore', detached: true });
    opener.once('error', () => resolve());
    opener.once('spawn', () => {
      opener.unref();
      resolve();
    });
  });
}
