/**
 * Owns the judgement of declared deaths and of self-fencing in worlds of several machines, by what
 * really happened.
 *
 * D1 (G1, G7) Nobody who lives is declared dead by silence before its own trust in its last renewal
 *    is over: so a node that is cut off has stopped its work before anybody else begins it.
 * D2 (G7) A death that is told as proven is one. Whom nothing keeps from renewing is never declared
 *    dead and never stops itself, whatever the clocks do.
 */
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { DeathEvidence } from '../../src/ports/store-nodes.ts';
import type { FaultKind } from './scenario.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

/** For how long a node trusts a renewal: its lease less a fifth, or less this, if that is less. */
const trustMarginMsMax = 2_000;

/** Faults that keep no living node from renewing. */
const harmless: ReadonlySet<FaultKind> = new Set([
  ...(['crash', 'drain', 'bus', 'wall-jump', 'database-clock'] as const),
  ...(['blind-process-table', 'host-crash'] as const),
]);

/** Nor do these, where outages are short and nothing is lost. */
const passing: ReadonlySet<FaultKind> = new Set([...harmless, 'cut', 'away', 'failover']);
const passingMsMax = 3_000;

interface Renewal {
  readonly process: SimProcess;
  readonly startedAt: number;
}

export class Deaths {
  readonly #world: SimWorld;
  readonly #renewals = new Map<NodeKey, Renewal>();
  /** Their last renewal may be lost: D1 does not hold until the next. */
  readonly #unsure = new Set<NodeKey>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  renewed(node: NodeKey, process: SimProcess, startedAt: number): void {
    this.#unsure.delete(node);
    const known = this.#renewals.get(node);
    if (known !== undefined && known.startedAt > startedAt) return;
    this.#renewals.set(node, { process, startedAt });
  }

  /** Commits were lost, and renewals among them. */
  renewalsLost(): void {
    for (const node of this.#renewals.keys()) this.#unsure.add(node);
  }

  isUnsure(node: NodeKey): boolean {
    return this.#unsure.has(node);
  }

  /** Called when a node that was there was declared dead. */
  declared(node: NodeKey, { kind }: DeathEvidence): void {
    const renewal = this.#renewals.get(node);
    if (renewal === undefined) return;
    const { process, startedAt } = renewal;
    const { clock, scenario, marks } = this.#world;
    if (kind === 'process-gone' || kind === 'boot-changed') {
      if (process.state === 'gone') return;
      this.#world.violation(`D2 ${process.name} lives and is said to be dead: ${kind}`);
      return;
    }
    if (kind !== 'lease-over' || process.state === 'gone' || this.#unsure.has(node)) return;
    marks.add('alive and dead by silence');
    const { leaseTtlMs } = scenario;
    const trustMs = leaseTtlMs - Math.min(trustMarginMsMax, leaseTtlMs / 5);
    const silentMs = Math.round(clock.mono() - startedAt);
    if (silentMs < trustMs) {
      const trusts = `and trusts itself for ${trustMs} ms`;
      this.#world.violation(
        `D1 ${process.name} was declared dead, renewed ${silentMs} ms ago ${trusts}`,
      );
    }
  }

  /** D2, at the end of a world. */
  judgeFenced(processes: Iterable<SimProcess>): void {
    const { scenario, marks } = this.#world;
    const short = scenario.kind === 'cluster' && scenario.outageMsMax <= passingMsMax;
    const bearable = short ? passing : harmless;
    if ([...scenario.faults].some((kind) => !bearable.has(kind))) return;
    if (short) marks.add('outages borne', marks.all.get('database away') ?? 0);
    let fenced = marks.all.get('fenced') ?? 0;
    for (const { state, engine } of processes) {
      if (state !== 'gone') fenced += engine.counters.fenced;
    }
    if (fenced === 0) return;
    this.#world.violation(
      `D2 ${fenced} nodes stopped their work and nothing kept them from renewing`,
    );
  }
}
