/**
 * Owns the obvious model of a store: what runs are, where they stand, and who may have them,
 * without indexes, ranks or time. What it cannot know (which of the eligible runs goes first) it
 * takes from the store and checks that it was allowed.
 *
 * A kind is how a run is held back: `narrow` and `wide` are lanes, `limited` a tenant with a limit.
 * Each has places, and lets runs in by order of acceptance.
 */
import assert from 'node:assert/strict';
import type { OutcomeKind } from '../../../src/core/outcome.ts';

/** Places of each kind. */
export const places = { free: Number.POSITIVE_INFINITY, narrow: 1, wide: 2, limited: 2 } as const;
export type Kind = keyof typeof places;

/** Failures and crashes that the model's runs may have. */
export const failuresMax = 2;
export const crashesMax = 2;

export interface ModelRun {
  readonly id: string;
  readonly kind: Kind;
  readonly input: string;
  status: 'queued' | 'running' | 'parked' | 'quarantined' | 'done';
  /** Has a place of its kind. */
  holds: boolean;
  /** The version that goes on with it. */
  pin: string | null;
  fence: number;
  attempt: number;
  failures: number;
  crashes: number;
  /** Running: the owner. Parked or done: where its code goes on. */
  node: number | null;
  stopping: boolean;
  outcome: OutcomeKind | null;
}

/** An ownership that somebody had at some time. */
export interface Ownership {
  readonly id: string;
  readonly seq: number;
  readonly attempt: number;
  readonly fence: number;
  readonly node: number;
}

/** What a verdict on an end comes down to. */
export type Said = string | { readonly outcome: OutcomeKind | null; readonly repeated: boolean };

export class Model {
  /** By acceptance. */
  readonly runs: ModelRun[] = [];
  readonly ownerships: Ownership[] = [];
  readonly pausedLanes = new Set<Kind>();
  paused = false;

  find(id: string): ModelRun | undefined {
    return this.runs.find((run) => run.id === id);
  }

  accept(id: string, kind: Kind, input: string): void {
    const counts = { pin: null, fence: 0, attempt: 0, failures: 0, crashes: 0 };
    const state = { status: 'queued', holds: false, node: null, stopping: false } as const;
    this.runs.push({ id, kind, input, ...state, ...counts, outcome: null });
    this.letIn(kind);
  }

  /** Whoever waits first gets the next free place. */
  letIn(kind: Kind): void {
    if (this.pausedLanes.has(kind)) return;
    const held = this.runs.filter((run) => run.kind === kind && run.holds).length;
    const waiting = this.runs.filter((run) => run.kind === kind && eligible(run) === 'waits');
    for (const run of waiting.slice(0, Math.max(0, places[kind] - held))) run.holds = true;
  }

  /** What may be handed to whoever hosts these versions. */
  eligible(versions: readonly string[]): readonly ModelRun[] {
    if (this.paused) return [];
    const may = ({ pin }: ModelRun): boolean => pin === null || versions.includes(pin);
    return this.runs.filter((run) => eligible(run) === 'eligible' && may(run));
  }

  claimed(run: ModelRun, ownership: Ownership, versions: readonly string[]): void {
    const may = this.eligible(versions).includes(run);
    assert.ok(may, `${run.id} was handed out; it is ${run.status} with pin ${run.pin}`);
    assert.equal(ownership.fence, run.fence + 1, '(G1) every owner has a fence of its own');
    Object.assign(run, { status: 'running', fence: ownership.fence, node: ownership.node });
    run.attempt += 1;
    this.ownerships.push(ownership);
  }

  /** What an end under an ownership does, by how the attempt ended. */
  end(by: Ownership, how: string, settled: boolean): Said {
    const run = this.find(by.id);
    if (run === undefined || run.fence !== by.fence) return 'fence.stale';
    if (run.status !== 'running') return { outcome: run.outcome, repeated: true };
    if (how === 'stopped' && !run.stopping) return 'run.illegal_transition';
    const stays = settled ? null : run.node;
    if (how === 'succeeded') this.finish(run, 'succeeded', null);
    else if (run.stopping && how === 'handed-back' && run.pin !== null) this.requeue(run);
    else if (run.stopping) this.finish(run, 'cancelled', stays);
    else if (how === 'handed-back') this.requeue(run);
    else this.#failed(run, how === 'failed' ? 'failed' : 'timed-out', stays);
    return { outcome: run.outcome, repeated: false };
  }

  #failed(run: ModelRun, outcome: OutcomeKind, stays: number | null): void {
    run.failures += 1;
    const inLane = run.kind === 'narrow' || run.kind === 'wide';
    if (run.failures >= failuresMax) this.finish(run, outcome, stays);
    else if (stays === null || !inLane) this.requeue(run);
    else run.status = 'parked';
  }

  /** (G2) An outcome is written once. */
  finish(run: ModelRun, outcome: OutcomeKind, stays: number | null): void {
    assert.equal(run.outcome, null);
    const lingers = stays !== null && run.holds && run.kind !== 'free';
    const node = lingers ? stays : null;
    Object.assign(run, { status: 'done', outcome, node, holds: lingers, stopping: false });
    this.letIn(run.kind);
  }

  /**
   * A run keeps its place in a lane, unless that is paused; it gives back the one of its tenant.
   */
  requeue(run: ModelRun): void {
    const keeps = run.kind !== 'limited' && !this.pausedLanes.has(run.kind);
    Object.assign(run, { status: 'queued', node: null, holds: run.holds && keeps });
    this.letIn(run.kind);
  }

  /** Keeps a step of a running run by the code of a version. */
  keep(by: Ownership, version: string): string {
    const run = this.find(by.id);
    if (run === undefined || run.fence !== by.fence || run.status !== 'running') {
      return 'fence.stale';
    }
    run.pin ??= version;
    return 'kept';
  }

  repin(id: string, version: string | null): string {
    const run = this.find(id);
    if (run === undefined) return 'run.not_found';
    if (run.status === 'running') return 'run.illegal_transition';
    if (run.status === 'done') return 'run.already_done';
    run.pin = version;
    if (run.status !== 'quarantined') return 'sent on';
    run.crashes = 0;
    this.requeue(run);
    return 'sent on';
  }

  settled(run: ModelRun, node: number, attempt: number): void {
    if (run.node !== node || run.attempt !== attempt) return;
    if (run.status === 'parked') this.requeue(run);
    if (run.status !== 'done') return;
    Object.assign(run, { node: null, holds: false });
    this.letIn(run.kind);
  }

  cancel(id: string): string {
    const run = this.find(id);
    if (run === undefined) return 'run.not_found';
    if (run.status === 'done') return 'run.already_done';
    if (run.stopping) return 'stopping';
    const cleansUp = run.status === 'queued' && run.attempt > 0 && run.pin !== null;
    if (run.status !== 'running' && !cleansUp) {
      this.finish(run, 'cancelled', run.node);
      return 'cancelled';
    }
    run.stopping = true;
    if (cleansUp) this.requeue(run);
    return 'stopping';
  }

  nodeDied(node: number): void {
    for (const run of this.runs.filter((one) => one.node === node)) {
      if (run.status !== 'running') {
        this.settled(run, node, run.attempt);
        continue;
      }
      run.fence += 1;
      run.crashes += 1;
      const again = run.crashes < crashesMax;
      if (run.stopping && !(again && run.pin !== null)) this.finish(run, 'cancelled', null);
      else if (again) this.requeue(run);
      else {
        Object.assign(run, { status: 'quarantined', node: null, holds: false });
        this.letIn(run.kind);
      }
    }
  }

  /** Gives the id under which the run goes on, or the refusal. */
  retry(id: string, newId: string): string {
    const run = this.find(id);
    if (run === undefined) return 'run.not_found';
    if (run.status === 'quarantined') {
      run.crashes = 0;
      this.requeue(run);
      return id;
    }
    if (run.outcome === null || run.outcome === 'succeeded') return 'run.illegal_transition';
    this.accept(newId, run.kind, run.input);
    return newId;
  }

  pauseLane(kind: Kind): void {
    this.pausedLanes.add(kind);
    for (const run of this.runs) {
      if (run.kind === kind && run.status === 'queued') run.holds = false;
    }
  }

  resumeLane(kind: Kind): void {
    this.pausedLanes.delete(kind);
    this.letIn(kind);
  }
}

function eligible({ status, holds }: ModelRun): 'eligible' | 'waits' | 'no' {
  if (status !== 'queued') return 'no';
  return holds ? 'eligible' : 'waits';
}
