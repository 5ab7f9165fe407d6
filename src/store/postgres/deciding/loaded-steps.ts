/**
 * Owns what was loaded of steps and events for one decision. Nothing here changes with it.
 *
 * L1 As with runs, what was not loaded is not guessed; what was asked for and is not there is known
 *    not to be there.
 * L2 Which waits an event is for is known only when the paths of its name are: they are asked for
 *    then, at once for all events that the decision is about.
 */
import { valuesAt } from '../../../core/durable/match.ts';
import { limits } from '../../../core/limits.ts';
import type { EventItem, StepRow } from '../../../ports/store-steps.ts';
import { type EventTuple, eventOf, type StepTuple, stepOf } from '../../step-tuple.ts';
import type { KeptEvent, StepPlace } from '../../verbs/tables.ts';

/** An event's name among those of a tenant. */
export interface EventName {
  readonly tenant: string;
  readonly name: string;
}

/** Waits for one kind of event. */
export interface Wanted extends EventName {
  readonly paths: string;
  readonly vals: string;
}

/** What a decision will look at of steps and events, as far as its caller knows. */
export interface StepWants {
  readonly steps?: readonly { readonly seq: number; readonly keys: readonly string[] }[];
  /** Runs whose earliest wake is asked for. */
  readonly wakes?: readonly number[];
  readonly tokens?: readonly string[];
  readonly forks?: readonly { readonly id: string; readonly from: string | null }[];
  readonly eventIds?: readonly { readonly tenant: string; readonly id: string }[];
  readonly names?: readonly EventName[];
  readonly pathsMax?: number;
  readonly wanting?: readonly Wanted[];
  readonly wantingMax?: number;
  readonly openEvents?: number;
  readonly lookBacks?: readonly LookBack[];
  /** What the decision is about. Not sent. */
  readonly emitted?: readonly EventItem[];
}

const stepKeys = [
  ...['steps', 'wakes', 'tokens', 'forks', 'eventIds', 'names', 'wanting', 'openEvents'],
  'lookBacks',
] as const;

/** Whether anything of steps and events is wanted. */
export const wantsSteps = (wants: StepWants): boolean =>
  stepKeys.some((key) => wants[key as keyof StepWants] !== undefined);

/** A wait that begins, and looks back first: of a run, or of a tenant since a time. */
export interface LookBack {
  readonly seq?: number;
  readonly tenant?: string;
  readonly since?: number;
  readonly name: string;
  readonly after: number;
  readonly paths: string;
  readonly vals: string;
  readonly max: number;
}

type Range = { readonly places: readonly StepPlace[]; readonly max: number };

/** What `load_steps` gives. Stored format: it is made by a function of the schema. */
export interface StepReply {
  readonly seqs: readonly number[];
  readonly keys: readonly (readonly [number, string | null])[] | null;
  readonly tokens: readonly (readonly [string, number, string])[] | null;
  readonly wanting:
    | readonly (readonly [
        ...[tenant: string, name: string, paths: string, vals: string, max: number],
        places: readonly (readonly [number, string])[],
      ])[]
    | null;
  readonly forks: readonly (readonly [number, string | null, number | null, number])[] | null;
  readonly sizes: readonly (readonly [number, number, number])[] | null;
  readonly rows: readonly StepTuple[] | null;
  readonly wakes:
    | readonly (readonly [number, readonly (readonly [string, number])[] | null])[]
    | null;
  readonly events: readonly EventTuple[] | null;
  readonly open: readonly EventTuple[] | null;
  readonly paths: readonly (readonly [string, string, readonly string[]])[] | null;
  readonly lookBacks:
    | readonly (readonly [
        ...[tenant: string, name: string, since: number, after: number],
        ...[paths: string, vals: string, max: number, events: readonly EventTuple[]],
      ])[]
    | null;
  readonly tally: readonly [lastN: number, kept: number, lastAt: number];
}

/** A key of several parts. */
export const keyOf = (...parts: readonly (string | number)[]): string => JSON.stringify(parts);

/** Everything that was loaded of steps and events. */
export class LoadedSteps {
  readonly rows = new Map<string, StepRow>();
  readonly sizes = new Map<number, { readonly count: number; readonly nth: number }>();
  /** Open waits with a time, by their keys. */
  readonly wakes = new Map<number, readonly (readonly [key: string, at: number])[]>();
  readonly tokens = new Map<string, StepPlace>();
  /** How many steps before one have ended. */
  readonly ended = new Map<string, number>();
  readonly events = new Map<string, KeptEvent>();
  readonly paths = new Map<string, readonly string[]>();
  readonly wanting = new Map<string, Range>();
  readonly lookBacks = new Map<string, readonly KeptEvent[]>();
  readonly asked = { keys: new Set<string>(), tokens: new Set<string>(), ids: new Set<string>() };
  /** What the decision is about, beside the open events. */
  emitted: readonly EventItem[] = [];
  open: readonly KeptEvent[] | null = null;
  tally: { readonly lastN: number; readonly kept: number; readonly lastAt: number } | null = null;

  /** Takes in what one `load_steps` gave for `wants`. */
  add(wants: StepWants, reply: StepReply): void {
    this.emitted = wants.emitted ?? this.emitted;
    for (const [seq, key] of reply.keys ?? []) this.asked.keys.add(keyOf(seq, key ?? ''));
    for (const token of wants.tokens ?? []) this.asked.tokens.add(token);
    for (const { tenant, id } of wants.eventIds ?? []) this.asked.ids.add(keyOf(tenant, id));
    for (const tuple of reply.rows ?? []) {
      const row = stepOf(tuple);
      this.rows.set(keyOf(tuple[0], row.key), row);
    }
    for (const [seq, count, nth] of reply.sizes ?? []) this.sizes.set(seq, { count, nth });
    for (const [seq, wakes] of reply.wakes ?? []) this.wakes.set(seq, wakes ?? []);
    for (const [token, seq, key] of reply.tokens ?? []) this.tokens.set(token, { seq, key });
    for (const [seq, , ord, kept] of reply.forks ?? []) this.ended.set(keyOf(seq, ord ?? 0), kept);
    this.#events(reply);
    const [lastN, kept, lastAt] = reply.tally;
    this.tally = { lastN, kept, lastAt };
  }

  #events(reply: StepReply): void {
    for (const tuple of reply.events ?? []) {
      this.events.set(keyOf(tuple[1], tuple[2]), eventOf(tuple));
    }
    if (reply.open !== null) this.open = reply.open.map(eventOf);
    for (const [tenant, name, paths] of reply.paths ?? []) {
      this.paths.set(keyOf(tenant, name), paths);
    }
    for (const [tenant, name, paths, vals, max, places] of reply.wanting ?? []) {
      const range = { max, places: places.map(([seq, key]) => ({ seq, key })) };
      this.wanting.set(keyOf(tenant, name, paths, vals), range);
    }
    for (const [tenant, name, since, after, paths, vals, max, events] of reply.lookBacks ?? []) {
      this.lookBacks.set(keyOf(tenant, name, since, after, paths, vals, max), events.map(eventOf));
    }
  }

  /** L2: what to load for one kind of waits, and for all that will follow. */
  wantsOf(one: Wanted, rowsMax: number): StepWants {
    const wanting = new Map([[keyOf(one.tenant, one.name, one.paths, one.vals), one]]);
    for (const { tenant, name, data } of [...this.emitted, ...(this.open ?? [])]) {
      const value: unknown = JSON.parse(data);
      for (const paths of this.paths.get(keyOf(tenant, name)) ?? []) {
        const vals = valuesAt(paths, value);
        if (vals === null) continue;
        const key = keyOf(tenant, name, paths, vals);
        if (!this.wanting.has(key)) wanting.set(key, { tenant, name, paths, vals });
      }
    }
    const wantingMax = Math.max(rowsMax, limits.sweepRowsMax + 1);
    return { wanting: [...wanting.values()], wantingMax };
  }
}
