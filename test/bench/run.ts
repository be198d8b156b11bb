import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figure, figureTable, verdict } from './figures.ts';
import { Ground } from './ground.ts';
import { machineLines } from './machine.ts';
import { type Part, scaleOf } from './part.ts';
import { changes } from './parts/changes.ts';
import { clientKilled } from './parts/client-killed.ts';
import { coldStart } from './parts/cold-start.ts';
import { download } from './parts/download.ts';
import { drop } from './parts/drop.ts';
import { failover } from './parts/failover.ts';
import { holderKilled } from './parts/holder-killed.ts';
import { http } from './parts/http.ts';
import { idle } from './parts/idle.ts';
import { largeFile } from './parts/large-file.ts';
import { largeMemory } from './parts/large-memory.ts';
import { manyFiles } from './parts/many-files.ts';
import { memory } from './parts/memory.ts';
import { page as pageOpened } from './parts/page.ts';
import { reconnect } from './parts/reconnect.ts';
import { sealing } from './parts/sealing.ts';

const PARTS: Readonly<Record<string, Part>> = {
  'cold-start': coldStart,
  failover,
  drop,
  reconnect,
  'large-file': largeFile,
  download,
  http,
  'many-files': manyFiles,
  changes,
  'holder-killed': holderKilled,
  'client-killed': clientKilled,
  sealing,
  'large-memory': largeMemory,
  idle,
  memory,
  page: pageOpened,
};
const file = fileURLToPath(import.meta.url);
const page = join(dirname(dirname(dirname(file))), 'docs', 'performance.md');

const usage = `usage: run.ts [--small] [--write] [PART...]   parts: ${Object.keys(PARTS).join(' ')}
--small tries the harness with little; --write puts the figures into docs/performance.md (done when all parts run in full)`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: 'boolean', default: false },
    write: { type: 'boolean' },
    help: { type: 'boolean' },
    // Between this program and its children alone.
    only: { type: 'boolean', default: false },
  },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(PARTS);
if (values.help === true || wanted.some((name) => PARTS[name] === undefined)) {
  console.error(usage);
  process.exit(values.help === true ? 0 : 2);
}

// An exit ends the processes of the part under way; a signal alone would leave them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const scale = scaleOf(!values.small);
if (values.only) {
  // Whoever asked may be gone.
  process.on('disconnect', () => process.exit(1));
  await measureHere(String(wanted[0]));
}
const machine = [...machineLines(), await hostsLine()];
const sections: { name: string; figures: readonly Figure[] }[] = [];
let isComplete = true;
console.log(machine.join('\n'));
for (const name of wanted) {
  const began = performance.now();
  const figures = await measured(name);
  if (figures === undefined) isComplete = false;
  else sections.push({ name, figures });
  for (const one of figures ?? []) console.log(`${one.what}: ${one.figure}   [${verdict(one)}]`);
  console.log(`-- ${name} took ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
if (values.write ?? (scale.isFull && positionals.length === 0)) {
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, pageText());
  console.log(`written: ${page}`);
}
process.exit(isComplete ? 0 : 1);

/**
 * Undefined: it failed, in words of its own. A part has its own process, so that what others leave in it does not count: after
 * an hour of them sealing took three times as much CPU as in a new one.
 */
function measured(name: string): Promise<readonly Figure[] | undefined> {
  const child = fork(file, ['--only', ...(values.small ? ['--small'] : []), name]);
  let figures: readonly Figure[] | undefined;
  child.on('message', (told) => {
    figures = told as readonly Figure[];
  });
  return new Promise((resolve) => child.on('exit', () => resolve(figures)));
}

/** In a child: measures the part, tells its figures, and ends. */
async function measureHere(name: string): Promise<never> {
  try {
    const figures = await PARTS[name]?.(scale);
    await new Promise<void>((resolve) => process.send?.(figures, undefined, {}, () => resolve()));
    process.exit(0);
  } catch (thrown) {
    console.error(`${name} could not be measured: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    process.exit(1);
  }
}

/** On what the hosts of the measurements are. */
async function hostsLine(): Promise<string> {
  const ground = new Ground('probe', 1, true);
  await ground.close();
  return ground.hasCables
    ? '- hosts: network namespaces, each with a cable into one switch'
    : '- hosts: **none: all on the loopback of this machine, for network namespaces need root; no bytes on the wire, no cut cables**';
}

function pageText(): string {
  const tables = sections.map(({ name, figures }) => `## ${name}\n\n${figureTable(figures)}\n`);
  const size = scale.isFull ? '' : '\n**Small sizes: this run tried the harness, and its figures do not count.**\n';
  return `# Performance

Measured by \`make bench\` on ${new Date().toISOString().slice(0, 10)}. Times are medians, with the range of all runs. What is compared ran side by
side in the same run, in turns, each on its own hosts' cables: read the ratios, not the seconds. The clock starts when the bytes are at
their place (the settle time, 300 ms here, is taken off) and stops when the receiver has them synced; that they are equal is looked at
afterwards, every time. Before each run memory is held ready and let go when the clock starts: a virtual machine gets
its memory page by page from its host, and a file written into pages it has not got yet costs three times as much.

The others: nginx sends over TLS 1.3 to curl, and the file is then synced. Syncthing is told the addresses and told to look the moment
something changed, so it waits for nothing; it runs on all three hosts and the clock stops at the first receiver, but where a line says
otherwise. rsync sends to a daemon, with \`--fsync\`, without TLS. GlusterFS has a copy on each host, and a client on the first; without TLS.
It is told which byte changed, where the others have to find it, and gets a file with one more at its start whole.
CPU seconds are those of all processes of a contender, on all hosts; bytes on the wire those of the sender's (in downloads the
client's) cable, both ways. **missed** is a goal that was not reached: [what the figures depend on](performance-notes.md) says why.
${size}
${machine.join('\n')}

${tables.join('\n')}`;
}
