import { styleText } from 'node:util';
import Table from 'cli-table3';

/** How values look for people. Names come from other machines, so none reaches a terminal unescaped. */

export { shownSize } from '../core/shown-size.ts';

/** `now`, `5 s`, `12 min`, `3 h`, `9 d`, `2 y`: how long ago. A time to come is `now`: clocks of machines differ. */
export function shownAge(wallMs: number, nowMs: number): string {
  const seconds = Math.floor((nowMs - wallMs) / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 730 * 86_400) return `${Math.floor(seconds / 86_400)} d`;
  return `${Math.floor(seconds / (365 * 86_400))} y`;
}

/** A text from elsewhere, fit for a terminal: control and direction characters are shown as escapes. */
export function shownText(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    // The joiner stands inside ordinary emoji and reorders nothing.
    return code === 0x200d ? character : `\\u{${code.toString(16)}}`;
  });
}

/** Only a terminal is sent colours, whatever the environment says of them: a pipe is read by a program. */
function bold(text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText('bold', text) : text;
}

/** A table without lines: the first row is its head. Numbers stand right where `right` names their column. */
export function shownTable(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const table = new Table({
    head: head.map(bold),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: head.map((_, column) => (right.includes(column) ? 'right' : 'left')),
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
