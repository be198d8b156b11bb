import { shownWidth } from './shown-width.ts';
import type { VerbContext } from './verb.ts';

/** Prints a text; in a shell at a terminal a screen at a time, until the person has seen enough. */
export async function page(context: Pick<VerbContext, 'screen' | 'ask' | 'inShell' | 'quiet'>, text: string): Promise<void> {
  const { screen, ask } = context;
  context.quiet();
  const size = screen.size();
  if (size === undefined || ask === undefined || !context.inShell) return screen.print(text);
  const pages = pagesOf(text.split('\n'), size);
  let left = pages.reduce((sum, lines) => sum + lines.length, 0);
  for (const lines of pages) {
    screen.print(lines.join('\n'));
    left -= lines.length;
    if (left === 0) return;
    const answer = await ask(`-- ${left} more lines: Enter goes on, q ends -- `);
    if (/^q/i.test(answer.trim())) return;
  }
}

/** The lines as screens hold them, with one row left for the question; a line wider than the screen takes several. */
export function pagesOf(lines: readonly string[], size: { rows: number; columns: number }): string[][] {
  const room = Math.max(1, size.rows - 1);
  const pages: string[][] = [];
  let taken = room;
  for (const line of lines) {
    const rows = Math.max(1, Math.ceil(shownWidth(line) / size.columns));
    if (taken + rows > room) {
      pages.push([]);
      taken = 0;
    }
    pages.at(-1)?.push(line);
    taken += rows;
  }
  return pages;
}
