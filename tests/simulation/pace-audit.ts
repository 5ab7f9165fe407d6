/**
 * Owns the judgement of paces, by true time: what was let through is counted here once more, start
 * by start.
 *
 * P1 A sliding window lets no more than `max` through within any `perMs`, a bucket no more than
 *    `max` and what has filled since.
 * P2 Of a throttle no more than `max` become due within any `perMs`, in the order of acceptance.
 * P3 Nobody is refused for whom there was room: what is refused uses nothing up.
 *
 * Stores count by their wall clock. Where that has stepped forward in between, more are let
 * through by right; due times are fixed by it, so that P2 holds while it does not step at all. What
 * is kept of a key moves with a step when its next start comes: P3 holds from a period later on.
 */
import type { StartItem } from '../../src/ports/store-runs.ts';
import { isFlowName, isPaced, type PacedName, paces } from './flow-terms.ts';
import type { SimWorld } from './sim-world.ts';

/** Wall time counts in whole ms. */
const slackMs = 2;

/** One that was let through, and how often the wall clock had stepped by then. */
interface Taken {
  /** When it was taken, of a throttle when it is due. */
  readonly at: number;
  readonly steps: number;
}

/** Starts of one key. */
interface Key {
  readonly taken: Taken[];
  /** How often the clock had stepped when one last came, and when the first of those did. */
  steps: number;
  sureFrom: number;
}

export class PaceAudit {
  readonly #world: SimWorld;
  readonly #keys = new Map<string, Key>();
  #aheadMs: number | null = null;
  #steps = 0;
  #stepsForward = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** How often the wall clock of the store has stepped. */
  get clockSteps(): number {
    return this.#steps;
  }

  /** Looks whether the wall clock of the store has stepped. */
  look(): void {
    const aheadMs = this.#world.wallNow() - this.#world.clock.mono();
    const before = this.#aheadMs ?? aheadMs;
    this.#aheadMs ??= aheadMs;
    if (Math.abs(aheadMs - before) < slackMs) return;
    this.#aheadMs = aheadMs;
    this.#steps += 1;
    if (aheadMs > before) this.#stepsForward += 1;
  }

  /** True time at which the store's wall clock will say so, if it does not step. */
  trueTime(wall: number): number {
    return wall - this.#world.wallNow() + this.#world.clock.mono();
  }

  /** A start was let through; `dueAt`: when its run is due, by the wall clock. */
  taken(item: StartItem, dueAt: number | null): void {
    this.look();
    if (!isFlowName(item.fn) || !isPaced(item.fn)) return;
    const { taken: list } = this.#keyOf(item, item.fn);
    if (item.fn === 'throttled') {
      // Whoever is due at once has passed its gate by now.
      const at = this.trueTime(dueAt ?? this.#world.wallNow());
      list.push({ at, steps: this.#steps });
      this.#judgeDue(item, list);
      return;
    }
    list.push({ at: this.#world.clock.mono(), steps: this.#stepsForward });
    if (item.fn === 'rated') this.#judgeWindow(item, list);
    else this.#judgeBucket(item, list);
  }

  /** A start was refused by its rate. */
  refused(item: StartItem): void {
    this.look();
    if (!isFlowName(item.fn) || !isPaced(item.fn)) return;
    this.#world.marks.add('over its rate');
    const { max, perMs } = paces[item.fn];
    const now = this.#world.clock.mono();
    const { taken: list, sureFrom } = this.#keyOf(item, item.fn);
    if (now - sureFrom < perMs + slackMs) return;
    const used =
      item.fn === 'rated'
        ? list.filter(({ at }) => now - at < perMs + slackMs).length
        : levelOf([...mayBeFull(max, sureFrom), ...list], now - slackMs, max / perMs);
    if (used > max - 1) return;
    this.#violation('P3', item, `was refused, and ${used.toFixed(2)} of ${max} were used`);
  }

  /** The store lost its last commits: what was taken may have been given back. */
  rolledBack(): void {
    this.#keys.clear();
    this.#steps += 1;
  }

  #keyOf({ tenant, tags }: StartItem, fn: PacedName): Key {
    const whose = paces[fn].tenants === 'together' ? 'all' : tenant;
    const place = [fn, whose, ...tags].join(' ');
    // Before anything has stepped or was lost, all is known from the first on.
    const key = this.#keys.get(place) ?? {
      taken: [],
      steps: 0,
      sureFrom: Number.NEGATIVE_INFINITY,
    };
    this.#keys.set(place, key);
    if (key.steps !== this.#steps) key.sureFrom = this.#world.clock.mono();
    key.steps = this.#steps;
    return key;
  }

  #judgeWindow(item: StartItem, list: readonly Taken[]): void {
    const { max, perMs } = paces.rated;
    const first = list[list.length - 1 - max];
    const last = list.at(-1);
    if (first === undefined || last === undefined || first.steps !== last.steps) return;
    if (last.at - first.at >= perMs - slackMs) return;
    this.#violation('P1', item, `is ${max + 1} within ${last.at - first.at} ms of ${perMs}`);
  }

  #judgeBucket(item: StartItem, list: readonly Taken[]): void {
    const { max, perMs } = paces.bucketed;
    const known = list.filter(({ steps }) => steps === this.#stepsForward);
    const level = levelOf(known, this.#world.clock.mono() + slackMs, max / perMs);
    if (level <= max) return;
    this.#violation('P1', item, `is over its bucket: ${level.toFixed(2)} of ${max}`);
  }

  #judgeDue(item: StartItem, list: readonly Taken[]): void {
    const { max, perMs } = paces.throttled;
    const last = list.at(-1);
    const before = list.at(-2);
    if (last === undefined || before === undefined || before.steps !== last.steps) return;
    this.#world.marks.add('throttled');
    if (last.at < before.at - slackMs) {
      this.#violation('P2', item, `is due ${before.at - last.at} ms before the one before it`);
    }
    const first = list[list.length - 1 - max];
    if (first === undefined || first.steps !== last.steps) return;
    const gapMs = last.at - first.at;
    if (gapMs >= perMs - slackMs) return;
    this.#violation('P2', item, `makes ${max + 1} due within ${gapMs} ms of ${perMs}`);
  }

  #violation(rule: string, { fn, id, tenant, tags }: StartItem, what: string): void {
    this.#world.violation(`${rule} start ${id} of ${fn} (${tenant}, ${tags.join()}) ${what}`);
  }
}

/** What is not known of a bucket: that it was full, at the worst. */
const mayBeFull = (max: number, at: number): readonly Taken[] =>
  at === Number.NEGATIVE_INFINITY ? [] : Array.from({ length: max }, () => ({ at, steps: 0 }));

/** How full a bucket is that takes so many in a ms: never less than since any one was taken. */
function levelOf(list: readonly Taken[], now: number, perMs: number): number {
  return list.reduce(
    (most, { at }, index) => Math.max(most, list.length - index - (now - at) * perMs),
    0,
  );
}
