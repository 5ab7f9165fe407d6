/**
 * B3. Ten minutes at half of what a contestant can do (at most 2,000 a second), with a million
 * finished jobs behind it where it keeps them, while somebody holds a snapshot open the whole time:
 * no row version that dies meanwhile can be vacuumed away. What was fast in the first minute should
 * be in the last.
 *
 * H1 The load is open (T1) and its rate is half of what a burn-down gave just before.
 * H2 Ours ran its million; of peers 2,000 were run and their rows multiplied by SQL.
 * H3 Contestants play one after another, ten minutes each.
 */
import { Client } from 'pg';
import type { Bench, Stage } from '../bench.ts';
import { numberOf } from '../bench.ts';
import { hostMs, pause } from '../cases/waits.ts';
import { fromRounds, type Measure, type Metric } from '../measure.ts';
import type { Place } from './contestant.ts';
import { Field, type Ground } from './field.ts';
import { keepsHistory, multiply } from './history.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import { askOnce } from './sql.ts';
import { takeTurns } from './turns.ts';
import { insert, workOff } from './work-off.ts';

const SLOTS = 24;
const RATE_MAX = 2_000;
const MULTIPLIED_JOBS = 2_000;
const MINUTES = 10;
const WARM_UP_MS = 5_000;
const FILL_MS_MAX = 20 * 60_000;
const DEAD = 'select coalesce(sum(n_dead_tup), 0)::float8 as dead from pg_stat_user_tables';

export const postgresHeld: Bench = {
  name: 'postgres-held',
  about: 'ten minutes at half load with a held snapshot and 1,000,000 finished runs',
  ...{ group: 'postgres', long: true, words: ['b3', 'held'], peers: peerVersions, run },
};

interface Span {
  readonly perSecond: number;
  readonly p99: number;
}
interface Held {
  readonly first: Span;
  readonly last: Span;
  readonly deadFirst: number;
  readonly deadLast: number;
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(
    stage.only,
    ({ side, durability }) => side !== 'bullmq' && durability === 'full',
  );
  const played = await takeTurns(stage, entries, 1, async (entry) => {
    const perSecond = Math.min(RATE_MAX, Math.floor((await capacity(field, entry)) / 2));
    stage.say(`${entry.title}: ${perSecond} a second`);
    const ground = await field.ground(entry, (place) => fill(field, entry, place), 'history');
    const held = await play(field, entry, ground, perSecond);
    await ground.drop();
    return measuresOf(entry, held, perSecond);
  });
  return [...played.values()].flat(2);
}

/** What one process does a second, by a short burn-down. */
async function capacity(field: Field, entry: Entry): Promise<number> {
  const { stage } = field;
  const jobs = entry.batched ? stage.size(50_000, 10_000) : stage.size(5_000, 2_000);
  const seat = await field.seat(entry, 0);
  const ground = await field.ground(entry);
  await insert(seat, ground.place, jobs);
  const terms = { slots: SLOTS, jobs, msMax: 10_000 };
  const { done, seconds } = await workOff([seat], ground.place, terms);
  await ground.drop();
  return done / seconds;
}

async function fill(field: Field, entry: Entry, place: Place): Promise<void> {
  const { stage } = field;
  const ours = entry.side === 'ours';
  if (!ours && !keepsHistory(entry.side)) return;
  const finished = stage.size(1_000_000, 20_000);
  const jobs = ours ? finished : MULTIPLIED_JOBS;
  const seat = await field.seat(entry, 0);
  await insert(seat, place, jobs);
  await workOff([seat], place, { slots: SLOTS, jobs, msMax: FILL_MS_MAX });
  if (!ours) await multiply(entry.side, place.url, finished / jobs - 1);
}

async function play(
  field: Field,
  entry: Entry,
  { place }: Ground,
  perSecond: number,
): Promise<Held> {
  const minuteMs = field.stage.size(60_000, 3_000);
  const node = await field.seat(entry, 0);
  const starter = await field.seat(entry, 1);
  await starter.ask({ do: 'produce', place, style: 'steady' });
  await node.ask({ do: 'work', place, slots: SLOTS, style: 'steady', telling: 'samples' });
  const holder = await hold(place.url);
  await starter.ask({ do: 'load', streams: [{ tenant: 'default', perSecond, burstMs: 10 }] });
  await pause(WARM_UP_MS);
  const fromMs = hostMs();
  await pause(minuteMs);
  const deadFirst = await dead(place.url);
  for (let minute = 2; minute <= MINUTES; minute += 1) {
    await pause(fromMs + minute * minuteMs - hostMs());
    field.stage.say(`${entry.title}: minute ${minute} of ${MINUTES}`);
  }
  const deadLast = await dead(place.url);
  const answer = await node.ask({ do: 'spans', tenant: 'default', fromMs, spanMs: minuteMs });
  await starter.ask({ do: 'unload' });
  await starter.ask({ do: 'produced' });
  await node.ask({ do: 'worked' });
  await holder.query('rollback');
  await holder.end();
  const spans = (answer.spans as unknown as readonly Span[]).slice(0, MINUTES);
  const none: Span = { perSecond: 0, p99: Number.POSITIVE_INFINITY };
  return { first: spans[0] ?? none, last: spans[MINUTES - 1] ?? none, deadFirst, deadLast };
}

/** Holds the horizon: what dies from here on stays until this ends. */
async function hold(url: string): Promise<Client> {
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from pg_class');
  return holder;
}

async function dead(url: string): Promise<number> {
  const [row] = await askOnce(url, DEAD);
  return numberOf({ dead: Number(row?.dead) }, 'dead');
}

function measuresOf(entry: Entry, held: Held, perSecond: number): readonly Measure[] {
  const { first, last, deadFirst, deadLast } = held;
  const figure = (name: string, unit: string, better: Metric['better'], value: number) =>
    fromRounds(entry, { name, unit, better }, [value]);
  return [
    figure('offered', 'runs/s', 'higher', perSecond),
    figure('first minute', 'runs/s', 'higher', first.perSecond),
    figure('last minute', 'runs/s', 'higher', last.perSecond),
    figure('rate, last over first', 'times', 'higher', last.perSecond / first.perSecond),
    figure('first minute, p99', 'ms', 'lower', first.p99),
    figure('last minute, p99', 'ms', 'lower', last.p99),
    figure('p99, last over first', 'times', 'lower', last.p99 / first.p99),
    figure('dead rows after the first minute', 'rows', 'lower', deadFirst),
    figure('dead rows at the end', 'rows', 'lower', deadLast),
  ];
}
