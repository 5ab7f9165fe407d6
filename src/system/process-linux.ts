/**
 * Owns how Linux is asked about processes: /proc, read directly.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessState } from '../ports/process-table.ts';
import type { Sighting } from './sighting.ts';

/** The id that the kernel drew at boot, or null where /proc is not mounted. */
export function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}

/** The pid namespace of this process: a container's pid 7 is not the host's pid 7. */
export function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return 'unknown';
  }
}

/** Looks at one pid. */
export function sight(pid: number): Sighting {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return absent(pid);
  }
  return parseStat(stat);
}

/**
 * A missing /proc entry proves nothing by itself: the mount option `hidepid` hides the processes
 * of other users. The kernel's answer to signal 0 is the proof.
 */
export function absent(pid: number): Sighting {
  try {
    process.kill(pid, 0);
    return { seen: 'unreadable' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return { seen: code === 'ESRCH' ? 'nothing' : 'unreadable' };
  }
}

/**
 * Reads the state (field 3), the number of threads (20) and the start time in ticks since boot
 * (22). The second field is the program's name in brackets and may hold spaces and brackets of its
 * own, so that fields are counted from behind the last bracket.
 */
export function parseStat(stat: string): Sighting {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [letter, threads, startedAt] = [fields[0], Number(fields[17]), fields[19]];
  if (letter === undefined || startedAt === undefined) return { seen: 'unreadable' };
  return { seen: 'process', startedAt, state: stateOf(letter, threads) };
}

/** A zombie that still has threads is dying, not dead: one of them may be inside a write. */
function stateOf(letter: string, threads: number): ProcessState {
  if (letter === 'X' || letter === 'x') return 'gone';
  if (letter === 'Z') return threads > 1 ? 'alive' : 'gone';
  return letter === 'T' || letter === 't' ? 'stopped' : 'alive';
}
