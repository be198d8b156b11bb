import type { Page } from 'playwright-core';

/**
 * That a page has no button for something says nothing of its peer, which is asked here for what the button would have asked for.
 * Resolves with the status of the answer.
 */
export async function askedWithoutButton(page: Page, method: string, path: string, body?: unknown): Promise<number> {
  return await page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'x-filemesh': '1', ...(body !== undefined && { 'content-type': 'application/json' }) };
      return (await fetch(path, { method, headers, ...(body !== undefined && { body }) })).status;
    },
    [method, path, body === undefined ? undefined : JSON.stringify(body)] as const,
  );
}
