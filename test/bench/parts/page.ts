import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { PeersHere } from '../../cli/peers-here.ts';
import type { Process } from '../../faults/process.ts';
import { rested } from '../bench-mesh.ts';
import { bounded, median, seconds, spread } from '../figures.ts';
import type { Part } from '../part.ts';

const FILES = 100_000;
/** Some two minutes on a machine that does nothing else. */
const TAKING_MS_MAX = 1_800_000;
const NAMES = ['alpha', 'bravo', 'charlie'] as const;
const PROGRAM = process.env.FILEMESH_CHROMIUM ?? '/usr/bin/chromium';
const OPEN_MS_MAX = 1_000;

/** Of three peers with two copies of each file: from asking for the page until rows are seen, and until a key moves among them. */
export const page: Part = async (scale) => {
  const files = scale.files(FILES);
  const what = `page of three peers and a folder with ${files.toLocaleString('en')} files, opened by a browser that never saw it`;
  if (!existsSync(PROGRAM)) return [{ what, figure: 'no Chromium on this machine', goal: '–' }];
  const peers = new PeersHere();
  let browser: Browser | undefined;
  let empty: Server | undefined;
  try {
    const folder = join(peers.place, 'alpha', 'many');
    mkdirSync(folder, { recursive: true });
    for (let index = 0; index < files; index++) writeFileSync(join(folder, `${String(index).padStart(6, '0')}.txt`), `${index}`);
    const { http } = await peers.up('alpha', '--http', '127.0.0.1:0');
    for (const name of NAMES.slice(1)) await peers.up(name);
    await copied(peers.peer('alpha'), files);
    for (const name of NAMES) await rested(peers.peer(name).pid);
    browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    empty = await emptyPage();
    const plain = `http://127.0.0.1:${(empty.address() as AddressInfo).port}/`;
    const times = [];
    const emptyMs = [];
    for (let run = 0; run < scale.runs(10); run++) {
      emptyMs.push(await inTab(browser, (tab) => seen(tab, plain)));
      times.push(await opened(browser, `${http}/#/files/many`));
    }
    const line = (what: string, all: readonly number[]) => bounded(what, median(all), OPEN_MS_MAX, seconds, spread(all));
    return [
      line(
        `${what}: until rows are seen`,
        times.map(({ seenMs }) => seenMs),
      ),
      line(
        `${what}: until a key moves among them`,
        times.map(({ movedMs }) => movedMs),
      ),
      { what: 'a page of one line without a script, turn by turn', figure: spread(emptyMs), goal: '–' },
    ];
  } finally {
    await browser?.close();
    empty?.close();
    await peers.end();
  }
};

function opened(browser: Browser, url: string): Promise<{ seenMs: number; movedMs: number }> {
  return inTab(browser, async (tab) => {
    const began = performance.now();
    const seenMs = await seen(tab, url);
    await tab.locator('#grid').press('ArrowDown');
    await tab.locator('#row-1.active').waitFor();
    return { seenMs, movedMs: performance.now() - began };
  });
}

async function seen(tab: Page, url: string): Promise<number> {
  const began = performance.now();
  await tab.goto(url);
  await tab.locator('.row').first().waitFor();
  return performance.now() - began;
}

/** Of a browser that never saw anything. */
async function inTab<T>(browser: Browser, work: (tab: Page) => Promise<T>): Promise<T> {
  const context = await browser.newContext();
  try {
    return await work(await context.newPage());
  } finally {
    await context.close();
  }
}

/** What the browser and the machine alone take: on a slow day that is half of it. */
async function emptyPage(): Promise<Server> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><p class="row">a row</p>'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Resolves when the peer has told of so many files that they have their copies: to ask it for its count would slow it down. */
function copied(peer: Process, files: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let count = peer.lines.filter(isCopied).length;
    const limit = setTimeout(
      () => reject(new Error(`${count} of ${files} files were copied in ${TAKING_MS_MAX / 1000} s`)),
      TAKING_MS_MAX,
    );
    const look = (): void => {
      if (count < files) return;
      clearTimeout(limit);
      resolve();
    };
    peer.onLine((line) => {
      if (isCopied(line)) count++;
      look();
    });
    peer.ended.then(() => reject(new Error(`the peer ended at ${count} of ${files} files`)), reject);
    look();
  });
}

function isCopied(line: string): boolean {
  return line.includes('"event":"replicated"');
}
