/**
 * Owns the port to the operating system's knowledge of processes: the proof that an owner is dead.
 *
 * P1 A process is named by host, pid and start time together: a reused pid is another process.
 * P2 `unknown` is an honest answer; only `gone` is a proof of death and only `stopped` one of
 *    freezing.
 */

/** Names one process for as long as the host is up. Stored format. */
export interface ProcessIdentity {
  /** Boot id and pid namespace: processes with another host id cannot be looked up from here. */
  readonly hostId: string;
  readonly hostName: string;
  readonly pid: number;
  /** Opaque stamp of the process's start, equal only for the same process. */
  readonly startedAt: string;
}

/** What the operating system says of a process right now. */
export type ProcessState = 'alive' | 'stopped' | 'gone' | 'unknown';

/** Looks processes up. Synchronous and cheap: one small read. */
export interface ProcessTable {
  self(): ProcessIdentity;
  look(identity: ProcessIdentity): ProcessState;
}
