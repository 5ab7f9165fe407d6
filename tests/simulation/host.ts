/**
 * Owns the simulated machine: its boot, and which of its processes live. All nodes are on one host.
 */
import type { ProcessIdentity, ProcessState, ProcessTable } from '../../src/ports/process-table.ts';

interface Entry {
  readonly identity: ProcessIdentity;
  state: ProcessState;
}

/** The machine. */
export class Host {
  readonly #processes = new Map<number, Entry>();
  #boots = 1;
  #pids = 100;
  /** Whether the process table answers at all; else every look is `unknown`. */
  legible = true;

  get bootId(): string {
    return `boot-${this.#boots}`;
  }

  /** Begins a process. Pids are given again now and then, as real ones are. */
  spawn(reusePid: number | null): ProcessIdentity {
    this.#pids += 1;
    const pid = reusePid ?? this.#pids;
    const identity: ProcessIdentity = {
      hostId: this.bootId,
      hostName: 'simulated',
      pid,
      startedAt: `start-${this.#pids}`,
    };
    this.#processes.set(pid, { identity, state: 'alive' });
    return identity;
  }

  mark(identity: ProcessIdentity, state: ProcessState): void {
    const entry = this.#processes.get(identity.pid);
    if (entry?.identity.startedAt === identity.startedAt) entry.state = state;
  }

  /** The power goes: no process survives, and the host gets a new boot id. */
  reboot(): void {
    this.#processes.clear();
    this.#boots += 1;
  }

  /** The table as the process `self` sees it. */
  table(self: ProcessIdentity): ProcessTable {
    return { self: () => self, look: (identity) => this.#look(identity) };
  }

  #look(identity: ProcessIdentity): ProcessState {
    if (!this.legible || identity.hostId !== this.bootId) return 'unknown';
    const entry = this.#processes.get(identity.pid);
    return entry?.identity.startedAt === identity.startedAt ? entry.state : 'gone';
  }
}
