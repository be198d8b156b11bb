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
/** An opener that has not failed by then shows the page: some last as long as the browser. Range 1–10 s. */
const OPENING_MS = 3_000;

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
  if (!(await show(http)))
    screen.note('no browser could be opened here: type that address into one, on this machine or on another that reaches it');
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

/** False where there is no browser: the address that was printed is all then. */
function show(address: string): Promise<boolean> {
  const [program = '', ...words] = OPENERS[process.platform] ?? OPENER_DEFAULT;
  return new Promise((resolve) => {
    const opener = spawn(program, [...words, address], { stdio: 'ignore', detached: true });
    const lasts = setTimeout(() => {
      opener.unref();
      resolve(true);
    }, OPENING_MS);
    const over = (isShown: boolean): void => {
      clearTimeout(lasts);
      resolve(isShown);
    };
    opener.once('error', () => over(false));
    opener.once('exit', (code) => over(code === 0));
  });
}
