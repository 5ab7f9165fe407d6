/**
 * Owns a script at work: its pool of VMs, its calls, and its replacement by a newer source.
 *
 * H1 Nothing is started before the first call, or before somebody holds the script.
 * H2 A replacement is compiled before it serves. From then on calls get the new source; those that
 *    were admitted end on the old one, whose VMs are ended behind the last of them.
 * H3 The result of a call is what the script returned, or else the last value that it emitted, or
 *    else null.
 * H4 After the last holder has gone, the pool is closed; a later call makes a new one.
 */
import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Random } from '../../ports/random.ts';
import type { HeldResource, PoolFigures } from '../../ports/sandbox.ts';
import { Pool } from '../../sandbox/pool/pool.ts';
import type { PoolTerms } from '../../sandbox/pool/terms.ts';
import { VmHosts } from '../../sandbox/vm/process/vm-hosts.ts';
import { openVm, type RemoteVm } from '../../sandbox/vm/remote-vm.ts';
import type { VmSetup } from '../../sandbox/vm/wire.ts';
import { systemClock } from '../../system/clock.ts';
import { systemRandom } from '../../system/random.ts';
import { type Grant, GrantSession } from './grants.ts';
import { scriptValueOf } from './script-value.ts';

/** The languages of scripts. */
export type ScriptLanguage = 'js' | 'lua';

/** The packages that execute them. */
export const scriptEngines: Readonly<Record<ScriptLanguage, string>> = {
  js: 'isolated-vm',
  lua: 'wasmoon',
};

/** What a script is made of. */
export interface ScriptParts {
  readonly language: ScriptLanguage;
  readonly setup: VmSetup;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly pool: PoolTerms;
  /** For whom VMs are made before the first call. */
  readonly tenant: string;
}

/** One call of a script. */
export interface ScriptJob {
  readonly input: unknown;
  readonly tenant: string;
  readonly signal: AbortSignal | null;
  onValue(value: unknown): void;
}

/** A replacement that serves. */
export interface Replaced {
  readonly hash: string;
  /** Settles when the last call of the old source has ended and its VMs are gone. */
  readonly drained: Promise<void>;
}

/** One source with its VMs. */
interface Edition {
  readonly setup: VmSetup;
  readonly hash: string;
  readonly pool: Pool<RemoteVm>;
}

const noFigures: PoolFigures = {
  ...{ live: 0, busy: 0, waiting: 0, created: 0, discarded: 0, poisoned: 0 },
};

/** The processes of all scripts. isolated-vm cannot live beside the snapshot of Node. */
const hosts: Readonly<Record<ScriptLanguage, VmHosts>> = {
  js: new VmHosts(
    {
      path: '../js/js-process',
      flags: ['--no-node-snapshot', '--max-old-space-size=256', '--allow-addons'],
    },
    systemClock(),
  ),
  lua: new VmHosts({ path: '../lua/lua-process', flags: ['--allow-worker'] }, systemClock()),
};

/** A script at work. */
export class ScriptHost implements HeldResource {
  readonly #parts: ScriptParts;
  readonly #clock: Clock = systemClock();
  readonly #random: Random = systemRandom();
  #setup: VmSetup;
  #edition: Edition | null = null;
  #holders = 0;

  constructor(parts: ScriptParts) {
    this.#parts = parts;
    this.#setup = parts.setup;
  }

  /** The SHA-256 of the source that serves, in hexadecimal digits. */
  get hash(): string {
    return hashOf(this.#setup.source);
  }

  get figures(): PoolFigures {
    return this.#edition?.pool.figures ?? noFigures;
  }

  hold(): void {
    this.#holders += 1;
    if (this.#parts.pool.min > 0) void this.#current().pool.prepare(this.#parts.tenant);
  }

  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders <= 0) await this.close();
  }

  /** Lets what runs end, and ends the VMs. A later call starts anew. */
  async close(): Promise<void> {
    const edition = this.#edition;
    this.#edition = null;
    await edition?.pool.close();
  }

  /** Executes the script once (H3). Rejects with `script.*`, `sandbox.*`, the signal's reason. */
  async run(job: ScriptJob): Promise<unknown> {
    const { tenant, signal } = job;
    const input = JSON.stringify(job.input) ?? 'null';
    let last: unknown = null;
    const { pool, setup } = this.#current();
    const text = await pool.use(tenant, signal, async (vm) => {
      const session = new GrantSession(this.#parts.grants, this.#clock, tenant);
      try {
        return await vm.run({
          input,
          signal,
          grant: (name, args) => session.call(name, args),
          onValue(value) {
            last = scriptValueOf(setup, value);
            job.onValue(last);
          },
        });
      } finally {
        session.end();
      }
    });
    return text === null ? last : scriptValueOf(setup, text);
  }

  /** H2. Rejects with `script.invalid`, `sandbox.*`; the old source serves on then. */
  async replace(source: string): Promise<Replaced> {
    const edition = this.#open({ ...this.#setup, source });
    try {
      // Compiled once, and kept for the first call.
      await edition.pool.use(this.#parts.tenant, null, async () => {});
    } catch (error) {
      await edition.pool.close();
      throw error;
    }
    const old = this.#edition;
    this.#setup = edition.setup;
    this.#edition = edition;
    if (this.#holders > 0) void edition.pool.prepare(this.#parts.tenant);
    return { hash: edition.hash, drained: old?.pool.close() ?? Promise.resolve() };
  }

  #current(): Edition {
    this.#edition ??= this.#open(this.#setup);
    return this.#edition;
  }

  #open(setup: VmSetup): Edition {
    const { language, pool: terms } = this.#parts;
    const clock = this.#clock;
    const open = (tenant: string): Promise<RemoteVm> =>
      openVm(hosts[language].link(tenant, setup), setup, clock);
    const make = async (tenant: string): Promise<RemoteVm> => {
      try {
        const vm = await open(tenant);
        if (vm.alive) return vm;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== 'script.lost') throw error;
      }
      // Its process ended while it was being made, and no code of the script has had a turn.
      return await open(tenant);
    };
    const pool = new Pool({ name: setup.file, terms, clock, random: this.#random, make });
    return { setup, hash: hashOf(setup.source), pool };
  }
}

const hashOf = (source: string): string => createHash('sha256').update(source).digest('hex');
