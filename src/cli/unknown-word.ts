import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import type { CommandFacts, OptionTable } from './parse.ts';

/** Keys that a hurried hand gets wrong in one word: two in a longer one, else one. */
const SLIPS_MAX = 2;
const LONG_LENGTH = 5;
/** Nothing is so long that is called anything here. */
const TYPED_LENGTH_MAX = 40;

/** The error for a command that is not there; it names the one that was meant, as far as can be told. */
export function noCommand(name: string, commands: readonly CommandFacts[], prefix: string): MeshError {
  const meant = commands.find(({ also }) => also?.includes(name))?.name ?? nearest(name, namesOf(commands));
  return new MeshError('usage', `there is no command ${quote(name)}${hint(meant)}; "${prefix}help" lists the commands`);
}

/** The words for an option that is not there: `name` as it was typed, without its dashes. */
export function noOption(name: string, options: OptionTable): string {
  const known = Object.keys(options);
  if (name.length > 1) return `there is no option --${name}${hint(optionText(nearest(name, known)))}`;
  const beginning = known.filter((option) => option.startsWith(name));
  const meant = hint(beginning.length === 1 ? optionText(beginning[0]) : undefined);
  return `there is no option -${name}${meant} (a name that begins with "-" stands behind "--")`;
}

/** The word that was most likely meant by `typed`: the only one it begins, or the first of those with the fewest slips in them. */
function nearest(typed: string, words: readonly string[]): string | undefined {
  if (typed.length > TYPED_LENGTH_MAX) return undefined;
  const begun = words.filter((word) => word.startsWith(typed));
  if (begun.length === 1 && typed.length > 1) return begun[0];
  const max = typed.length < LONG_LENGTH ? 1 : SLIPS_MAX;
  const slips = words.map((word) => slipsBetween(typed, word));
  const fewest = Math.min(...slips);
  return fewest <= max ? words[slips.indexOf(fewest)] : undefined;
}

/** Letters left out, added, mistaken, or in each other's place (the optimal string alignment distance). */
function slipsBetween(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const mistaken = at(i - 1, j - 1) + (isSame ? 0 : 1);
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, mistaken, swapped));
    }
  }
  return at(a.length, b.length);
}

function namesOf(commands: readonly CommandFacts[]): string[] {
  return commands.map(({ name }) => name);
}

function optionText(option: string | undefined): string | undefined {
  return option === undefined ? undefined : `--${option}`;
}

function hint(meant: string | undefined): string {
  return meant === undefined ? '' : ` (did you mean ${meant.startsWith('--') ? meant : quote(meant)}?)`;
}
