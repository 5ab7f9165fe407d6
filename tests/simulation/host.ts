/**
 * Owns one simulated machine: its boot, its wall clock, and which of its processes live.
 */
import { wallMs } from '../../src/core/time.ts';
import type { ProcessIdentity, ProcessState, ProcessTable } from '../../src/ports/process-table.ts';
import type { ClockView } from '../../src/testing/index.ts';

interface Entry {
  readonly identity: ProcessIdentity;
  state: ProcessState;
}

/** The machine. */
export class Host {
  readonly #name: string;
  readonly #processes = new Map<number, Entry>();
  #boots = 1;
  #pids = 100;
  /** Whether the process table answers at all; else every look is `unknown`. */
  legible = true;
  /** How far its wall clock is ahead of the true time. */
  wallAheadMs = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get bootId(): string {
    return `${this.#name}-boot-${this.#boots}`;
  }

  /** The clock of one thread, with the wall clock of this machine. */
  clock(view: ClockView): ClockView {
    return {
      wall: () => wallMs(view.wall() + this.wallAheadMs),
      mono: () => view.mono(),
      after: (delayMs, callback) => view.after(delayMs, callback),
      turn: (callback) => view.turn(callback),
      freeze: () => view.freeze(),
      unfreeze: () => view.unfreeze(),
      drop: () => view.drop(),
      get frozen() {
        return view.frozen;
      },
    };
  }

  /** Begins a process. Pids are given again now and then, as real ones are. */
  spawn(reusePid: number | null): ProcessIdentity {
    this.#pids += 1;
    const pid = reusePid ?? this.#pids;
    const identity: ProcessIdentity = {
      hostId: this.bootId,
      hostName: this.#name,
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
