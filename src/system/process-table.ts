/**
 * Owns the operating system's knowledge of processes: who this process is, and whether another one
 * lives.
 *
 * H1 Only a process of the same boot and the same pid namespace is looked up; any other is
 *    `unknown`.
 * H2 `gone` is said only on proof: no such pid, another start time under it, or a process that is
 *    nothing but an exit status. Whatever cannot be read is `unknown`, never `gone`.
 *
 * Linux is read from /proc at the cost of one small file. Other systems are asked through `ps` and
 * `sysctl` (one short child process for a look), as well as they can answer. Where even that fails,
 * looks say `unknown`, and leases alone decide.
 */
import { hostname } from 'node:os';
import type { ProcessIdentity, ProcessState, ProcessTable } from '../ports/process-table.ts';
import * as linux from './process-linux.ts';
import * as posix from './process-posix.ts';

const system = process.platform === 'linux' ? linux : posix;

let boot: string | undefined;

/** Names the current boot of this host, the same for every process of it. Stored format. */
export function bootId(): string {
  boot ??= system.readBootId() ?? `${process.platform}:${hostname()}`;
  return boot;
}

/** The process table of this host. Cheap to make; it keeps only what it read about this process. */
export function processTable(): ProcessTable {
  const own = readSelf();
  return {
    self: () => own,
    look: (identity) => look(own.hostId, identity),
  };
}

function readSelf(): ProcessIdentity {
  const sighting = system.sight(process.pid);
  const startedAt = sighting.seen === 'process' ? sighting.startedAt : '';
  const hostId = `${bootId()}/${system.readPidNamespace()}`;
  return { hostId, hostName: hostname(), pid: process.pid, startedAt };
}

function look(hostId: string, identity: ProcessIdentity): ProcessState {
  if (identity.hostId !== hostId || identity.startedAt === '') return 'unknown';
  const sighting = system.sight(identity.pid);
  if (sighting.seen === 'unreadable') return 'unknown';
  if (sighting.seen === 'nothing' || sighting.startedAt !== identity.startedAt) return 'gone';
  return sighting.state;
}
