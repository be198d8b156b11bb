import type { ChangeResult } from '../../client/results.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownText } from '../output.ts';
import type { VerbContext } from '../verb.ts';

/** How many results are told one by one; above, one line sums them up. */
const TOLD_MAX = 10;

/** Tells what changes came to. `several`: a list is what the user asked for, so JSON is a list too. */
export function tellChanges(context: VerbContext, did: string, results: readonly ChangeResult[], several: boolean): number {
  const first = results[0];
  if (context.json) context.screen.value(several || first === undefined ? results : first);
  else if (results.length > TOLD_MAX) context.screen.print(summary(did, results));
  else {
    for (const result of results) context.screen.print(`${did} ${shownText(result.path)}${copiesWords(result)}`);
    if (results.length > 1) context.screen.print(`${results.length} files`);
  }
  return EXIT_DONE;
}

function summary(did: string, results: readonly ChangeResult[]): string {
  const few = results.filter((result) => result.copies < result.wanted).length;
  return `${did.split(' ')[0]} ${results.length} files${few === 0 ? '' : `; ${few} of them have fewer copies than wanted ("filemesh show" tells which)`}`;
}

function copiesWords(result: ChangeResult): string {
  if (result.note !== undefined) return ` (${shownText(result.note)})`;
  return result.copies < result.wanted ? ` (${result.copies} of ${result.wanted} copies)` : '';
}
