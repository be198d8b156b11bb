#!/usr/bin/env node
import { run } from './cli/main.ts';
import { reportError } from './cli/report.ts';
import { processScreen } from './cli/screen.ts';
import { letGoOfLostTerminals } from './cli/waiting-terminal.ts';

// Whoever reads the output may stop reading (`filemesh show | head`): that is no failure. A peer whose starter has read
// enough lives on.
process.stdout.on('error', () => {
  if (process.argv[2] !== 'up') process.exit(0);
});
process.stderr.on('error', () => undefined);

process.on('exit', letGoOfLostTerminals);
process.on('uncaughtException', (thrown) => process.exit(reportError(processScreen(), thrown, process.argv.includes('--json'))));

/** A peer that was told to stop ends though its terminal was stopped, and takes nothing of what it still has to say. */
const LAST_WORDS_MS = 500;

const code = await run(process.argv.slice(2), { web: () => import('./web/listening.ts') });
if (process.argv[2] === 'up' && process.stdout.isTTY) setTimeout(() => process.exit(code), LAST_WORDS_MS);
// What was written may still be on its way into a pipe.
process.stdout.write('', () => process.exit(code));
