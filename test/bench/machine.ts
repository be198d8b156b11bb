import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';

/** File systems by their magic number (statfs(2)). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  2435016766: 'btrfs',
  1481003842: 'xfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
};

/** What the figures were measured on, as lines of Markdown. */
export function machineLines(): string[] {
  const cores = cpus();
  const load = loadavg()[0] ?? 0;
  return [
    `- ${cores.length} cores, ${cores[0]?.model.trim()}; ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `- ${process.platform} ${release()}, Node ${process.versions.node}, ${fileSystem(tmpdir())}`,
    `- load average at the start: ${load.toFixed(1)}${load > cores.length ? ' (**the machine was busy: read these as upper bounds**)' : ''}`,
  ];
}

function fileSystem(folder: string): string {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`;
}

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/** Memory of a running process in bytes: now, and the most it ever had. Linux only. */
export function memoryOf(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) * 1024;
  return { now: field('VmRSS'), most: field('VmHWM') };
}

/** CPU time a running process has used, in ms. Linux only; good to 10 ms. */
export function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // utime and stime, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
