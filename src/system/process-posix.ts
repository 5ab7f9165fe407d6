/**
 * Owns how a system without a Linux /proc is asked about processes: through `ps` and `sysctl`.
 *
 * Best effort: start times have a resolution of one second there, and a look costs a child process
 * of a few milliseconds, during which the caller waits (at most `askMsMax`).
 */
import { execFileSync } from 'node:child_process';
import type { ProcessState } from '../ports/process-table.ts';
import type { Sighting } from './sighting.ts';

/** How long one question to the system may take before the answer counts as unknown. */
const askMsMax = 2_000;

/** A stamp that the system drew at boot, or null where it keeps none that survives a clock step. */
export function readBootId(): string | null {
  if (process.platform === 'win32') return null;
  const key = process.platform === 'darwin' ? 'kern.bootsessionuuid' : 'kern.boottime';
  const answer = ask('sysctl', ['-n', key]);
  return answer.ok && answer.text !== '' ? answer.text : null;
}

/** There are no pid namespaces here. */
export function readPidNamespace(): string {
  return 'host';
}

/** Looks at one pid. */
export function sight(pid: number): Sighting {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ESRCH') return { seen: 'nothing' };
  }
  const answer = ask('ps', ['-o', 'lstart=', '-o', 'state=', '-p', String(pid)]);
  return answer.ok ? parsePs(answer.text) : { seen: 'unreadable' };
}

/** Reads a line such as `Mon Jan  5 10:00:00 2026 S+`: the start, then the state's letters. */
export function parsePs(line: string): Sighting {
  const match = /^(\S.*\d{4})\s+(\S+)$/.exec(line.trim());
  const [startedAt, letters] = [match?.[1], match?.[2]];
  if (startedAt === undefined || letters === undefined) return { seen: 'unreadable' };
  return { seen: 'process', startedAt: startedAt.replace(/\s+/g, ' '), state: stateOf(letters) };
}

function stateOf(letters: string): ProcessState {
  if (letters.startsWith('Z')) return 'gone';
  return letters.startsWith('T') ? 'stopped' : 'alive';
}

/** The fixed language and time zone make the answer equal for every process that asks. */
function ask(program: string, args: readonly string[]): { ok: true; text: string } | { ok: false } {
  try {
    const text = execFileSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: askMsMax,
      maxBuffer: 65_536,
    });
    return { ok: true, text: text.trim() };
  } catch {
    return { ok: false };
  }
}
