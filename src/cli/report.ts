import { asMeshError } from '../core/errors.ts';
import { shownText } from './output.ts';
import type { Screen } from './screen.ts';

/** Tells one error in one line, and gives its exit code. With `json` it is a value on standard output. */
export function reportError(screen: Screen, thrown: unknown, json: boolean): number {
  const { code, message, exit } = asMeshError(thrown);
  const line = shownText(message.replace(/\s*\n\s*/g, ' ').trim());
  if (json) screen.value({ error: { code, message: line } });
  else screen.note(`filemesh: ${line}`);
  return exit;
}
