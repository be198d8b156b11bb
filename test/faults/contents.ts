import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What lies in a folder by relative path, the private folder left out: SHA-256 of each file. */
export function filesIn(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (!entry.isFile() || path.split('/')[0] === '.filemesh') continue;
    files.set(path, contentOf(join(folder, path)) ?? 'gone');
  }
  return files;
}

/** SHA-256 of one file; undefined when it is not there. */
export function contentOf(file: string): string | undefined {
  try {
    return digest(readFileSync(file));
  } catch {
    return undefined;
  }
}

/** Bytes of all files of a folder, the private folder left out. */
export function bytesIn(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.split('/')[0] !== '.filemesh');
  const stats = names.map((name) => statSync(join(folder, name)));
  return stats.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

/** Bytes below a folder, whatever they are; what vanishes while it is looked at counts nothing. */
export function bytesBelow(folder: string): number {
  let bytes = 0;
  const look = (place: string): void => {
    let entries: import('node:fs').Dirent[];
    try {
      entries = readdirSync(place, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      const path = join(place, entry.name);
      if (entry.isDirectory()) look(path);
      else bytes += sizeOf(path);
    }
  };
  look(folder);
  return bytes;
}

export function digest(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Contents of all sizes: nothing, one byte, around the borders of pages and blocks, then spread evenly up to the largest. */
export function contentsUpTo(largestBytes: number, count: number): Buffer[] {
  const special = [0, 1, 511, 4096, 4097, 65_536, 1_048_577, largestBytes];
  const sizes = Array.from(
    { length: count },
    (_, index) => special[index] ?? Math.floor((largestBytes * (index + 1)) / (count * 2)),
  );
  return sizes.slice(0, count).map((size) => randomBytes(size));
}

function sizeOf(path: string): number {
  try {
    // Blocks, not length: a file that is written at any offset has its whole length at once.
    return statSync(path).blocks * 512;
  } catch {
    return 0;
  }
}
