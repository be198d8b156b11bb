import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { PeersHere } from '../../cli/peers-here.ts';
import { sleep } from '../bench-mesh.ts';
import { bounded, median, seconds, spread } from '../figures.ts';
import type { Part } from '../part.ts';

const FILES = 100_000;
const TAKING_MS_MAX = 600_000;
const PROGRAM = process.env.FILEMESH_CHROMIUM ?? '/usr/bin/chromium';
const OPEN_MS_MAX = 1_000;

/** From asking for the page until rows are seen, and until a key moves among them. */
export const page: Part = async (scale) => {
  const files = scale.files(FILES);
  const what = `page of a folder with ${files.toLocaleString('en')} files, opened by a browser that never saw it`;
  if (!existsSync(PROGRAM)) return [{ what, figure: 'no Chromium on this machine', goal: '–' }];
  const peers = new PeersHere();
  let browser: Browser | undefined;
  try {
    const folder = join(peers.place, 'alpha', 'many');
    mkdirSync(folder, { recursive: true });
    for (let index = 0; index < files; index++) writeFileSync(join(folder, `${String(index).padStart(6, '0')}.txt`), `${index}`);
    const { http } = await peers.up('alpha', '--http', '127.0.0.1:0');
    await taken(String(http), files);
    browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    const times = [];
    for (let run = 0; run < scale.runs(10); run++) times.push(await opened(browser, `${http}/#/files/many`));
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
    ];
  } finally {
    await browser?.close();
    await peers.end();
  }
};

async function opened(browser: Browser, url: string): Promise<{ seenMs: number; movedMs: number }> {
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    const began = performance.now();
    await tab.goto(url);
    await tab.locator('.row').first().waitFor();
    const seenMs = performance.now() - began;
    await tab.locator('#grid').press('ArrowDown');
    await tab.locator('#row-1.active').waitFor();
    return { seenMs, movedMs: performance.now() - began };
  } finally {
    await context.close();
  }
}

async function taken(http: string, files: number): Promise<void> {
  for (const began = performance.now(); performance.now() - began < TAKING_MS_MAX; await sleep(1_000)) {
    const status = (await (await fetch(`${http}/api/v1/status`)).json()) as { files: number };
    if (status.files >= files) return;
  }
  throw new Error(`the peer took in fewer than ${files} files in ${TAKING_MS_MAX / 1000} s`);
}
