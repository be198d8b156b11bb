import { mkdirSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Where a browser of the system may be. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const program = process.env.FILEMESH_CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));
/** Pictures of every view, for a person to look at; not part of the repository. */
const PICTURES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'screenshots');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** What a slow machine takes to show what has happened. */
const SHOWN_MS_MAX = 20_000;

export const hasBrowser = program !== undefined;
if (!hasBrowser) console.warn('skipped: no Chromium on this machine (FILEMESH_CHROMIUM names one), so nobody drives the page');

/** A real browser under the hands of a test. Whatever a page complains of is kept: forbidden sources, thrown errors. */
export class Person {
  readonly complaints: string[] = [];
  #browser: Browser | undefined;
  readonly #contexts: BrowserContext[] = [];

  /** Opens an address as on a desk or a phone; nothing is shared between two of these. */
  async open(url: string, options: { phone?: boolean; dark?: boolean } = {}): Promise<Page> {
    this.#browser ??= await chromium.launch({
      ...(program !== undefined && { executablePath: program }),
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
    });
    const context = await this.#browser.newContext({
      viewport: options.phone ? PHONE : DESKTOP,
      hasTouch: options.phone === true,
      colorScheme: options.dark ? 'dark' : 'light',
      ignoreHTTPSErrors: true,
      acceptDownloads: true,
    });
    context.setDefaultTimeout(SHOWN_MS_MAX);
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text())) this.complaints.push(message.text());
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
  for (const [kind, size] of [['desktop', DESKTOP], ['phone', PHONE]] as const) {
    await page.setViewportSize(size);
    // What glides has come to rest.
    await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => undefined))));
    await page.screenshot({ path: join(PICTURES, `${name}-${kind}.png`) });
  }
  await page.setViewportSize(before);
}

/** A file as a browser is given it. */
export interface GivenFile {
  readonly name: string;
  readonly text: string;
}

/** Drops files on the page, as from a file manager. */
export async function drop(page: Page, files: readonly GivenFile[]): Promise<void> {
  const transfer = await page.evaluateHandle((given) => {
    const data = new DataTransfer();
    for (const { name, text } of given) data.items.add(new File([text], name, { lastModified: 1_700_000_000_000 }));
    return data;
  }, files);
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('body', type, { dataTransfer: transfer });
}
