/**
 * Owns the description of the machine a benchmark ran on: what decides its figures, and no names.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { percentile, significant } from './spread.ts';

/** How fast the disk makes 4 KiB appends durable, one after another. */
export interface DiskSpeed {
  readonly syncsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
  readonly filesystem: string;
  /** Load average of the last minute when the benchmark began: above 0 others were at work. */
  readonly loadBefore: number;
  /** Before and after, because a shared disk is not the same twice. */
  readonly diskBefore: DiskSpeed;
  readonly diskAfter: DiskSpeed;
}

const SYNC_BYTES = 4_096;
const SYNC_MS = 700;

/** What is known before the first measurement. */
export function describeMachine(dir: string): Omit<Machine, 'diskAfter'> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${distribution()}${type()} ${release()}`,
    node: process.version,
    filesystem: filesystemOf(dir),
    loadBefore: significant(loadavg()[0] ?? 0),
    diskBefore: diskSpeed(dir),
  };
}

/** Appends and fdatasyncs for a moment in `dir`, the folder that the stores will be in. */
export function diskSpeed(dir: string): DiskSpeed {
  const path = join(dir, 'disk-speed');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(SYNC_BYTES, 1);
  const took: number[] = [];
  try {
    const startedAt = performance.now();
    while (performance.now() - startedAt < SYNC_MS) {
      const before = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      took.push(performance.now() - before);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      syncsPerSecond: Math.round(took.length / seconds),
      p50Ms: significant(percentile(took, 0.5)),
      p99Ms: significant(percentile(took, 0.99)),
    };
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name === undefined ? '' : `${name}, `;
  } catch {
    return '';
  }
}

/** The type of the mount that `dir` is on: the longest mount point that `dir` begins with. */
function filesystemOf(dir: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .map(([, point = '', kind = '']) => ({ point, kind }))
      .filter(({ point }) => point === '/' || dir === point || dir.startsWith(`${point}/`));
    mounts.sort((a, b) => a.point.length - b.point.length);
    return mounts.at(-1)?.kind ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** The version of an installed package. */
export function packageVersion(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}
