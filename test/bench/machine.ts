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
    `- ${process.platform} ${release().split('-')[0]}, Node ${process.versions.node}, ${fileSystem(tmpdir())}`,
    `- ${rivalsLine()}`,
    `- load average at the start: ${load.toFixed(1)}${load > cores.length ? ' (**the machine was busy: read these as upper bounds**)' : ''}`,
  ];
}

export function fileSystem(folder: string): string {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`;
}

/** Programs that are not ours, and how each tells its version. */
const RIVALS: readonly (readonly [string, string])[] = [
  ['nginx', '-v'],
  ['curl', '--version'],
  ['rsync', '--version'],
  ['age', '--version'],
  ['syncthing', '--version'],
  ['glusterd', '--version'],
];

/** Which of the others are here, and which are not. */
function rivalsLine(): string {
  const here = RIVALS.filter(([program]) => isInstalled(program)).map(([program, word]) => {
    const { stdout, stderr } = spawnSync(program, [word], { encoding: 'utf8' });
    return `${program} ${/\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? ''}`;
  });
  const missing = RIVALS.map(([program]) => program).filter((program) => !isInstalled(program));
  return `${here.join(', ')}${missing.length > 0 ? `; not installed: ${missing.join(', ')}` : ''}`;
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

/** CPU time a running process has used so far, with that of the children it waited for, in ms. Linux only; good to 10 ms. */
export function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // utime, stime, cutime and cstime, in hundredths of a second.
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) * 10;
}

/** CPU time of all programs this process started and saw end, in ms. */
export function endedCpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** Bytes free for this user on the file system of `folder`. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Bytes of memory that can be had without swapping. Linux only. */
export function availableMemory(): number {
  return Number(/MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
}
