/**
 * Owns the processes in which scripts are executed: one a tenant and language, as long as it is
 * needed.
 *
 * H1 Tenants never share a process: what one of them does to V8, to memory or to the process is
 *    nothing to the others. Nor is it to the runtime.
 * H2 A process that is doomed or dead is never used for anything new; the next VM starts another.
 *    VMs in it that nobody uses are gone with that, so that pools replace them.
 * H3 A process without a VM is ended after a while, and at once when there are more than a few of
 *    them. None keeps the runtime alive but while a call waits for it.
 * H4 A VM that does not go when it is told to is ended with its process. As soon as that is in
 *    doubt the process counts as doomed: nobody else is to be lost with it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Clock, Timer } from '../../../ports/clock.ts';
import { Hearing } from '../hearing.ts';
import type { VmFault, VmLink, VmSetup } from '../wire.ts';
import { isVmFault } from '../word-check.ts';
import type { HostOrder, HostWord } from './host-wire.ts';

/** A program that hosts VMs. */
export interface HostProgram {
  /** Its file, without the ending: source beside source, built code beside built code. */
  readonly path: string;
  /** What it needs of Node beside reading its own code. */
  readonly flags: readonly string[];
}

const programFile = ({ path }: HostProgram): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`${path}.${extension}`, import.meta.url);
};

const flags = ['--no-warnings', '--permission', '--allow-fs-read=*'];

const idleMs = 30_000;
const emptyMax = 4;
const doubtMs = 500;
const goMs = 2_000;

/** Nothing, but what Windows needs to start a program. */
function environment(): NodeJS.ProcessEnv {
  const { SystemRoot } = process.env;
  return SystemRoot === undefined ? {} : { SystemRoot };
}

interface Guest {
  readonly hearing: Hearing;
  readonly leave: (fault: VmFault | null) => void;
  timer: Timer | null;
}

/** One process. */
class VmHost {
  usable = true;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #onEmpty: () => void;
  readonly #guests = new Map<number, Guest>();
  readonly #awaited = new Set<number>();
  #lastVm = 0;
  #full = false;
  #idle: Timer | null = null;

  constructor(program: HostProgram, clock: Clock, onEnd: () => void, onEmpty: () => void) {
    this.#clock = clock;
    this.#onEmpty = onEmpty;
    const execArgv = [...flags, ...program.flags];
    this.#child = fork(programFile(program), [], {
      ...{ execArgv, env: environment(), serialization: 'advanced' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (word: HostWord) => this.#hear(word));
    const ended = (message: string): void => {
      this.usable = false;
      this.#idle?.cancel();
      const fault = this.#faultOf(message);
      for (const vm of [...this.#guests.keys()]) this.#left(vm, fault);
      onEnd();
    };
    this.#child.on('error', ({ message }) => {
      this.end();
      ended(message);
    });
    this.#child.on('exit', (code, signal) => {
      ended(`its process ended with ${signal ?? `code ${code}`}`);
    });
    this.#holdOpen();
  }

  get empty(): boolean {
    return this.#guests.size === 0;
  }

  /** Makes a VM in it. */
  link(setup: VmSetup): VmLink {
    this.#idle?.cancel();
    this.#lastVm += 1;
    const vm = this.#lastVm;
    const hearing = new Hearing();
    const gone = new Promise<VmFault | null>((resolve) => {
      this.#guests.set(vm, { hearing, leave: resolve, timer: null });
    });
    this.#send({ vm, order: { order: 'open', setup } });
    return {
      post: (order) => this.#send({ vm, order }),
      listen: (listener) => hearing.listen(listener),
      gone,
      kill: () => this.#close(vm),
      hold: (waiting) => this.#hold(vm, waiting),
    };
  }

  /** Ends it, whatever it does. */
  end(): void {
    this.usable = false;
    this.#child.kill('SIGKILL');
  }

  #close(vm: number): void {
    const guest = this.#guests.get(vm);
    if (guest === undefined || guest.timer !== null) return;
    this.#send({ vm, order: { order: 'close' } });
    guest.timer = this.#clock.after(doubtMs, () => {
      guest.timer = this.#clock.after(goMs, () => this.end());
      this.#doom();
    });
  }

  #hold(vm: number, waiting: boolean): void {
    if (waiting) this.#awaited.add(vm);
    else this.#awaited.delete(vm);
    this.#holdOpen();
    if (!this.usable) this.#shed();
  }

  /** H2 */
  #doom(): void {
    this.usable = false;
    this.#shed();
    this.#endIfEmpty();
  }

  #shed(): void {
    for (const [vm, { timer }] of [...this.#guests]) {
      if (timer === null && !this.#awaited.has(vm)) this.#left(vm, null);
    }
  }

  #hear(word: HostWord | null): void {
    if (typeof word !== 'object' || word === null) this.end();
    else if ('host' in word) {
      this.#full ||= word.host === 'full';
      this.#doom();
    } else if ('gone' in word) this.#left(word.vm, isVmFault(word.gone) ? word.gone : null);
    else this.#guests.get(word.vm)?.hearing.hear(word.word);
  }

  #left(vm: number, fault: VmFault | null): void {
    const guest = this.#guests.get(vm);
    if (guest === undefined) return;
    guest.timer?.cancel();
    this.#guests.delete(vm);
    this.#awaited.delete(vm);
    this.#holdOpen();
    guest.leave(fault);
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#guests.size > 0) return;
    if (!this.usable) {
      this.end();
      return;
    }
    this.#idle?.cancel();
    this.#idle = this.#clock.after(idleMs, () => this.end());
    this.#onEmpty();
  }

  /** A process ends by itself when it is over its memory; with one call in it, that call was it. */
  #faultOf(message: string): VmFault {
    const kind = this.#full && this.#awaited.size === 1 ? 'memory' : 'lost';
    return { kind, message };
  }

  #send(order: HostOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  /** H3 */
  #holdOpen(): void {
    const { channel } = this.#child;
    if (this.#awaited.size > 0) {
      this.#child.ref();
      channel?.ref();
    } else {
      this.#child.unref();
      channel?.unref();
    }
  }
}

/** The processes of one runtime process, by tenant. */
export class VmHosts {
  readonly #clock: Clock;
  readonly #program: HostProgram;
  readonly #hosts = new Map<string, VmHost>();

  constructor(program: HostProgram, clock: Clock) {
    this.#program = program;
    this.#clock = clock;
  }

  /** The way to a new VM for a tenant. */
  link(tenant: string, setup: VmSetup): VmLink {
    let host = this.#hosts.get(tenant);
    if (host === undefined || !host.usable) {
      const forget = (): void => {
        if (this.#hosts.get(tenant) === made) this.#hosts.delete(tenant);
      };
      const made = new VmHost(this.#program, this.#clock, forget, () => this.#clear());
      this.#hosts.set(tenant, made);
      host = made;
    }
    return host.link(setup);
  }

  /** H3: those that were started first go first. */
  #clear(): void {
    const empty = [...this.#hosts.values()].filter((host) => host.empty && host.usable);
    for (const host of empty.slice(0, -emptyMax)) host.end();
  }
}
