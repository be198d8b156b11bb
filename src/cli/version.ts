import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two folders above, in the sources and in what is built of them. */
export function programVersion(): string {
  try {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    return String((JSON.parse(text) as { version?: unknown }).version);
  } catch {
    return 'unknown';
  }
}
