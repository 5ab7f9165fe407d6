/**
 * Owns events: keeping them, and ending the waits that they are for.
 *
 * V1 An event that is told twice, under one id, is one event; with other data it is a conflict.
 * V2 One transaction ends a bounded number of waits. An event with more of them stays open, and
 *    every sweep goes on with it: nobody is forgotten when its teller dies.
 * V3 Every open wait of the tenant whose match the event meets is ended; a wait that begins later
 *    finds the event by looking back.
 * V4 Times of events never go back, even where the clock does: looking back stops at a time.
 */
import { valuesAt } from '../../core/durable/match.ts';
import { limits } from '../../core/limits.ts';
import { type WallMs, wallMs } from '../../core/time.ts';
import type { Waking } from '../../ports/store.ts';
import type { EventItem, EventVerdict } from '../../ports/store-steps.ts';
import { endBy, endWait } from './recording.ts';
import { sameJson } from './start.ts';
import type { KeptEvent } from './tables.ts';
import type { Txn } from './txn.ts';

/** Distinct sets of paths that are looked through for one event name. */
export const wantedPathsMax = 1_000;
/** Characters that one transaction copies into the waits that one event ends (V2). */
const spreadCharsMax = 16_777_216;
/** Open events that one sweep goes on with. */
export const openEventsMax = 16;

/** Keeps events, each with its own verdict. */
export function emit(txn: Txn, items: readonly EventItem[]): Waking<readonly EventVerdict[]> {
  let room: number = limits.sweepRowsMax;
  const reply = items.map((item): EventVerdict => {
    const { events } = txn.tables;
    const known = events.byId(item.tenant, item.id);
    if (known !== undefined) return again(known, item);
    if (events.count() >= limits.eventsMax) {
      const message = `the store keeps ${limits.eventsMax} events, which is its limit`;
      return { ok: false, code: 'store.full', message };
    }
    const at = nextAt(txn);
    const n = events.insert(item, at, true);
    const { looked, woke, more } = spread(txn, { ...item, n, at, open: true }, room);
    room -= looked;
    return { ok: true, id: item.id, created: true, woke, more };
  });
  return { reply, woken: txn.takeWoken() };
}

/** V4 */
function nextAt({ moment, tables }: Txn): WallMs {
  return wallMs(Math.max(moment.wall, tables.events.lastAt() ?? moment.wall));
}

/** V1 */
function again(known: KeptEvent, item: EventItem): EventVerdict {
  const same = known.name === item.name && sameJson(known.data, item.data);
  if (same) return { ok: true, id: item.id, created: false, woke: 0, more: known.open };
  const message = `the id '${item.id}' is taken by an event with another name or other data`;
  return { ok: false, code: 'event.conflict', message };
}

/** Goes on with open events, at most with `rowsMax` waits; says whether there is more. */
export function spreadOpen(txn: Txn, rowsMax: number): boolean {
  const open = txn.tables.events.open(openEventsMax);
  let room = rowsMax;
  for (const event of open) {
    const { looked, more } = spread(txn, event, room);
    room -= looked;
    if (more) return true;
  }
  return open.length === openEventsMax;
}

interface Spread {
  /** Waits that were taken out of the way, and how many of them somebody still waited at. */
  readonly looked: number;
  readonly woke: number;
  readonly more: boolean;
}

/** Ends waits for an event, at most `rowsMax`; closes it when none is left. */
function spread(txn: Txn, event: KeptEvent, rowsMax: number): Spread {
  const { steps, events } = txn.tables;
  const { tenant, name } = event;
  const data: unknown = JSON.parse(event.data);
  const end = endBy(event);
  const bound = Math.min(rowsMax, Math.max(1, Math.floor(spreadCharsMax / event.data.length)));
  let looked = 0;
  let woke = 0;
  for (const paths of steps.wantedPaths(tenant, name, wantedPathsMax)) {
    const values = valuesAt(paths, data);
    if (values === null) continue;
    const room = bound - looked;
    const places = steps.wanting(tenant, name, { paths, values }, room + 1);
    for (const { seq, key } of places.slice(0, room)) {
      if (endWait(txn, seq, key, end)) woke += 1;
      looked += 1;
    }
    if (places.length > room) return { looked, woke, more: true };
  }
  events.close(event.n);
  return { looked, woke, more: false };
}
