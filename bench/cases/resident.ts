/**
 * Owns how the peak of a process's resident memory is read.
 */
import { readFileSync } from 'node:fs';

/** The most memory that was resident in this process so far, in MB of 1,000,000 bytes. */
export function peakMb(): number {
  try {
    // The high-water mark of this program alone: getrusage also counts the parent's, before the
    // exec.
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kib !== undefined) return (Number(kib) * 1_024) / 1e6;
  } catch {
    // Not Linux: the other figure is as good as it gets.
  }
  return (process.resourceUsage().maxRSS * 1_024) / 1e6;
}
