import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { WAIT_MS_MAX } from '../../faults/process.ts';

/** Where a browser of the system may be. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** The browser's program; undefined: there is none. */
export const browserProgram = process.env.FILEMESH_CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));
/** Pictures of every view, for a person to look at; not part of the repository. */
const PICTURES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'screenshots');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** A test, or what comes before the first, on a machine that has other work too: several things are waited for in it. */
export const BROWSER_TEST_MS = 300_000;

export const hasBrowser = browserProgram !== undefined;
if (!hasBrowser) console.warn('skipped: no Chromium on this machine (FILEMESH_CHROMIUM names one), so nobody drives the page');

/** A real browser under the hands of a test. Whatever a page complains of is kept: forbidden sources, thrown errors. */
export class Person {
  readonly complaints: string[] = [];
  #browser: Browser | undefined;
  readonly #contexts: BrowserContext[] = [];

  /** Opens an address as on a desk or a phone; nothing is shared between two of these. */
  async open(url: string, options: { phone?: boolean; dark?: boolean } = {}): Promise<Page> {
    this.#browser ??= await chromium.launch({
      ...(browserProgram !== undefined && { executablePath: browserProgram }),
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
    });
    const context = await this.#browser.newContext({
      viewport: options.phone ? PHONE : DESKTOP,
      hasTouch: options.phone === true,
      colorScheme: options.dark ? 'dark' : 'light',
      ignoreHTTPSErrors: true,
      acceptDownloads: true,
    });
    context.setDefaultTimeout(WAIT_MS_MAX);
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()))
        this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  async end(): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.#browser?.close();
  }
}

/** Keeps a picture of what is seen, as on a desk and as on a phone. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  const before = page.viewportSize() ?? DESKTOP;
  for (const [kind, size] of [
    ['desktop', DESKTOP],
    ['phone', PHONE],
  ] as const) {
    await page.setViewportSize(size);
    await atRest(page);
    await page.screenshot({ path: join(PICTURES, `${name}-${kind}.png`) });
  }
  await page.setViewportSize(before);
}

/** Resolves when what glides has come to rest: what fades in has other contrasts until then. */
export async function atRest(page: Page): Promise<void> {
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
        .map((one) => one.finished.catch(() => undefined)),
    ),
  );
}

/** A picture by night. Resolves with what axe finds then, for other colours have other contrasts. */
export async function nightPicture(page: Page, name: string): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, `${name}-dark`);
  const found = await findings(page);
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}

/** What tells of the file that is opened. */
export const detailsOf = (page: Page): Locator => page.getByRole('region', { name: /^Details of / });

/** Resolves when the keys are on what fits the selector. */
export async function focused(page: Page, selector: string): Promise<void> {
  await page.locator(`${selector}:focus`).waitFor({ state: 'attached' });
}

/** Resolves when what looks for other peers is there: a page that loses its peer before that is left by hand. */
export async function lookedOut(page: Page): Promise<void> {
  const isThere = () => Promise.any(page.workers().map((worker) => worker.evaluate<boolean>('true'))).catch(() => false);
  await expect.poll(isThere).toBe(true);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds, in words; none is what a screen reader needs. */
export async function findings(page: Page): Promise<string[]> {
  // Its policy lets the page run no foreign script; the browser itself may.
  const found = await page.evaluate(`(${'function'} () { ${axe}; return window.axe.run(document); })()`);
  return (found as { violations: readonly Finding[] }).violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
  );
}

/** A file as a browser is given it. */
export interface GivenFile {
  readonly name: string;
  readonly text: string;
  /** How often the text stands in it; `#` is counted, so that no two parts are alike. */
  readonly times?: number;
}

/** All that is in it. */
export function wholeText({ text, times = 1 }: GivenFile): string {
  return Array.from({ length: times }, (_, count) => text.replace('#', String(count).padStart(6, '0'))).join('');
}

/** Drops files on the page, as from a file manager: the same file has the same date each time. */
export async function drop(page: Page, files: readonly GivenFile[]): Promise<void> {
  const given = files.map((file) => ({ name: file.name, text: wholeText(file) }));
  const transfer = await page.evaluateHandle((given) => {
    const data = new DataTransfer();
    for (const { name, text } of given) data.items.add(new File([text], name, { lastModified: 1_700_000_000_000 }));
    return data;
  }, given);
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('body', type, { dataTransfer: transfer });
}

/** Goes to a place of the page, as a link of it does. Resolves when the page shows it: a change of the address is heard of later. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate(
    (hash) =>
      new Promise<void>((resolve) => {
        const before = location.hash;
        addEventListener('hashchange', () => setTimeout(resolve), { once: true });
        location.hash = hash;
        if (location.hash === before) resolve();
      }),
    `#/${place}`,
  );
}

/** What bounds each page: two that bound one would be at odds. */
const bounds = new WeakMap<Page, Promise<CDPSession>>();

/** Bounds what the browser sends; undefined: nothing does. */
export async function slowUploads(page: Page, bytesPerSecond: number | undefined): Promise<void> {
  const session = bounds.get(page) ?? page.context().newCDPSession(page);
  bounds.set(page, session);
  const devtools = await session;
  const uploadThroughput = bytesPerSecond ?? -1;
  await devtools.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput,
  });
}
