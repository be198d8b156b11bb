import type { VerbContext } from './verb.ts';

/** Prints a text; in a shell at a terminal a screen at a time, until the person has seen enough. */
export async function page(context: Pick<VerbContext, 'screen' | 'ask' | 'inShell' | 'quiet'>, text: string): Promise<void> {
  const { screen, ask } = context;
  context.quiet();
  const size = screen.size();
  const lines = text.split('\n');
  if (size === undefined || ask === undefined || !context.inShell || lines.length < size.rows) return screen.print(text);
  const step = Math.max(1, size.rows - 1);
  for (let from = 0; from < lines.length; from += step) {
    screen.print(lines.slice(from, from + step).join('\n'));
    if (from + step >= lines.length) return;
    const answer = await ask(`-- ${lines.length - from - step} more lines: Enter goes on, q ends -- `);
    if (/^q/i.test(answer.trim())) return;
  }
}
