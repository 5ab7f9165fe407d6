/**
 * Owns the promises that name a time: takeover from a dead process, and the end of a cancelled run.
 *
 * Y1 (G7) Whatever a killed process owned is taken over within 5 s by others of its machine, and
 *    within its lease, two heartbeats and a second by others, if somebody is there all along and
 *    nothing but its death stands in the way.
 * Y2 (G5) A running run that is cancelled ends within a heartbeat and its grace, with a margin.
 */
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { FaultKind } from './scenario.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

const takeoverMsMax = 5_000;
const marginMs = 1_000;

/** Faults that keep the others from acting in time. */
const hindrances: readonly FaultKind[] = [
  ...([
    'pause',
    'stall',
    'stuck',
    'drain',
    'store-delay',
    'store-fail',
    'store-lost-answer',
  ] as const),
  ...(['blind-process-table', 'cut', 'away', 'failover'] as const),
];
/** One that the dead one had just made, and one that sees that its lease is over. */
const farHeartbeats = 2;

export class Promptness {
  readonly #world: SimWorld;
  readonly #hindered: boolean;
  readonly #crashes: boolean;

  constructor(world: SimWorld) {
    this.#world = world;
    const { faults } = world.scenario;
    const oneHost = world.scenario.kind === 'host' && faults.has('host-crash');
    this.#hindered = oneHost || hindrances.some((kind) => faults.has(kind));
    this.#crashes = faults.has('crash') || faults.has('host-crash');
  }

  /** Called when a process was killed. */
  killed(victim: SimProcess, node: NodeKey | null): void {
    if (this.#hindered || node === null) return;
    const { scenario, processes } = this.#world;
    const witnesses = processes.filter((one) => one.up);
    this.#takenOver(
      victim,
      node,
      witnesses.filter(({ host }) => host === victim.host),
      takeoverMsMax,
    );
    const farMs = scenario.leaseTtlMs + farHeartbeats * scenario.heartbeatMs + marginMs;
    if (scenario.hosts > 1) this.#takenOver(victim, node, witnesses, farMs);
  }

  #takenOver(
    { name }: SimProcess,
    node: NodeKey,
    witnesses: readonly SimProcess[],
    withinMs: number,
  ): void {
    const owned = [...this.#world.rows()].filter(({ owner }) => owner === node);
    if (owned.length === 0 || witnesses.length === 0) return;
    this.#world.clock.after(withinMs, () => {
      if (!witnesses.some((one) => one.up)) return;
      const what = withinMs === takeoverMsMax ? 'takeover timed' : 'far takeover timed';
      this.#world.marks.add(what, owned.length);
      for (const { id } of owned) {
        if (this.#world.rowOf(id)?.owner !== node) continue;
        const ago = `killed ${withinMs} ms ago`;
        this.#world.violation(`Y1 run ${id} still belongs to ${name}, ${ago}`);
      }
    });
  }

  /** Called when the store said that a running run is asked to stop. */
  stopping(id: string, graceMs: number): void {
    if (this.#hindered || this.#crashes) return;
    const { clock, scenario, marks } = this.#world;
    clock.after(scenario.heartbeatMs + graceMs + marginMs, () => {
      const row = this.#world.rowOf(id);
      marks.add('cancel timed');
      if (row === undefined || row.stage === 'done') return;
      this.#world.violation(`Y2 run ${id} was asked to stop and is ${row.stage} after its grace`);
    });
  }
}
