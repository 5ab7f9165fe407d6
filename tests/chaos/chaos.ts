/**
 * Owns one run of chaos from its start to its judgement.
 *
 * H1 While the time lasts nothing is spared. Then the faults stop, every start gets a known end,
 *    and every run has to reach its outcome within `settleMsMax`.
 * H2 Nothing is judged before all workers have ended in good order: what they wrote is complete.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Holdfast, type Run } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { hostMs, patienceMs } from '../process/wait.ts';
import type { FinalRun } from './account.ts';
import { audit, type Evidence, type Finding } from './auditor.ts';
import { Crew, Starter, Worker } from './crew.ts';
import { chaosFunctions, durable, tenantLimits } from './functions.ts';
import { type Line, openPen, type Pen, readLedger, type StepText } from './ledger.ts';
import { rage, type Tally } from './nemesis.ts';
import { pause } from './pause.ts';
import { type Place, postgresPlace, sqlitePlace } from './place.ts';
import { processFaults } from './process-faults.ts';
import { type FinalAnswer, signalsIn } from './signal-audit.ts';
import { seenOf } from './words.ts';

/** What a run is made of. */
export interface ChaosTerms {
  readonly seed: number;
  readonly seconds: number;
  readonly store: 'sqlite' | 'postgres';
  readonly workers: number;
  readonly starters: number;
  readonly callers: number;
  /** Makes one worker lie to the ledger, to try the auditor. */
  readonly plantDouble: boolean;
}

/** What became of it. */
export interface ChaosReport {
  readonly finding: Finding;
  readonly evidence: Evidence;
  readonly tally: Tally;
  readonly crew: Pick<Crew, 'said' | 'failures'>;
  readonly settledMs: number;
  /** What the doctor says beside of what is well. */
  readonly doctor: readonly string[];
  /** The ledger, kept for whoever looks into a violation. */
  readonly folder: string;
}

const leaseTtlMs = 2_000;
const slots = 6;
const drainGraceMs = 1_000;
const settleMsMax = 120_000;
const lookMs = 100;
const pageRows = 1_000;
const ledgerName = 'ledger';
const evidenceName = 'evidence.json';
const readsAtOnce = 16;

/** Lives through a run. The folder is the caller's to remove. */
export async function chaos(terms: ChaosTerms): Promise<ChaosReport> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-chaos-'));
  const place =
    terms.store === 'sqlite' ? sqlitePlace(folder, leaseTtlMs) : await postgresPlace(leaseTtlMs);
  const crew = new Crew();
  const ledgerPath = join(folder, ledgerName);
  const pen = openPen(ledgerPath, 'main');
  try {
    const hf = await prepare(place);
    try {
      man(crew, terms, place, ledgerPath);
      await crew.ready();
      const tally = await strike(crew, terms, place, pen);
      const settled = await settle(crew, hf);
      const runs = await readRuns(hf);
      const { leftovers } = settled;
      const resends = place.kind === 'postgres';
      const lines = await readLedger(ledgerPath);
      const answers = await readAnswers(hf, lines);
      const evidence = { lines, runs, answers, slots, resends, leftovers };
      await writeFile(join(folder, evidenceName), JSON.stringify({ ...evidence, lines: [] }));
      return { finding: audit(evidence), evidence, tally, crew, folder, ...settled };
    } finally {
      await hf.close();
    }
  } catch (error) {
    throw new Error(`the run broke off; its ledger is in ${folder}`, { cause: error });
  } finally {
    await crew.end();
    pen.close();
    await place.close();
  }
}

/** The evidence of a run that was kept, to be judged again. */
export async function keptEvidence(folder: string): Promise<Evidence> {
  const kept = JSON.parse(await readFile(join(folder, evidenceName), 'utf8')) as Evidence;
  return { ...kept, lines: await readLedger(join(folder, ledgerName)) };
}

/** Takes away what a run left. */
export const sweepUp = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true });

async function prepare({ direct }: Place): Promise<Holdfast> {
  const log = { log: () => {} };
  const functions = chaosFunctions(null);
  const hf = await Holdfast.open({ store: direct, functions, execute: false, log });
  for (const [tenant, runningMax] of Object.entries(tenantLimits)) {
    await hf.tenants.set(tenant, { runningMax });
  }
  return hf;
}

function man(crew: Crew, terms: ChaosTerms, place: Place, ledgerPath: string): void {
  const { workers, starters, callers, seed, plantDouble } = terms;
  for (let index = 0; index < workers; index += 1) {
    const worker = new Worker(crew, `w${index + 1}`, {
      ...{ store: place.storeFor(index), ledgerPath },
      // The same as those behind the proxy.
      far: index % 2 === 1,
      plantDouble: plantDouble && index === 0,
      options: { slots, leaseTtlMs, drainGraceMs },
    });
    crew.workers.push(worker);
    worker.start();
  }
  for (let index = 0; index < starters; index += 1) {
    const who = `s${index + 1}`;
    const order = { store: place.storeFor(index), ledgerPath, who, seed: seed + index, callers };
    crew.starters.push(new Starter(crew, order));
  }
}

/** The time in which nothing is spared; afterwards all is whole again. */
async function strike(crew: Crew, terms: ChaosTerms, place: Place, pen: Pen): Promise<Tally> {
  const tally: Tally = new Map();
  const over = new AbortController();
  const random = seededRandom(terms.seed);
  const battle = () => ({ random: random.fork(), pen, signal: over.signal });
  const { between, leaseOverMs } = place;
  const processes = processFaults({ crew, leaseTtlMs, leaseOverMs, between });
  const rhythm = { restMsMin: 300, restMsMax: 1_500 };
  const raging = Promise.all([
    rage(processes, battle(), rhythm, tally),
    rage(place.faults, battle(), place.rhythm, tally),
  ]);
  await Promise.race([pause(terms.seconds * 1_000), raging]);
  over.abort();
  await raging;
  await place.heal();
  return tally;
}

interface Settled {
  readonly settledMs: number;
  readonly leftovers: readonly string[];
  readonly doctor: readonly string[];
}

/** H1 and H2; says what did not come to its end, and how long the rest took. */
async function settle(crew: Crew, hf: Holdfast): Promise<Settled> {
  const leftovers: string[] = [];
  const from = hostMs();
  const givesUpAt = from + settleMsMax;
  await Promise.all(crew.starters.map((starter) => starter.finish(settleMsMax)));
  for (;;) {
    const left = await whatIsLeft(crew, hf);
    if (left.length === 0) break;
    if (hostMs() > givesUpAt) {
      leftovers.push(...left, ...(await explained(hf)));
      break;
    }
    await pause(lookMs);
  }
  const settledMs = hostMs() - from;
  const findings = (await hf.doctor()).filter(({ level }) => level !== 'ok');
  const doctor = findings.map(({ check, level, message }) => `${check} ${level}: ${message}`);
  leftovers.push(...doctor.filter((_, at) => findings[at]?.level === 'bad'));
  await Promise.all(crew.workers.map((worker) => worker.close(patienceMs)));
  leftovers.push(...crew.failures);
  return { settledMs, leftovers, doctor };
}

/** Runs without an outcome, places that are held, slots that are taken. */
async function whatIsLeft(crew: Crew, hf: Holdfast): Promise<readonly string[]> {
  const { queued, running, parked, quarantined } = await hf.runs.counts();
  const left = Object.entries({ queued, running, parked, quarantined })
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} runs are ${status}`);
  if (left.length > 0) return left;
  for (const { lane, holders, waiting } of await hf.lanes.list()) {
    left.push(`lane ${lane} is held by ${holders.join(', ')}; ${waiting} wait`);
  }
  for (const { tenant, holding } of await hf.tenants.list()) {
    if (holding > 0) left.push(`tenant ${tenant} holds ${holding} places`);
  }
  for (const { name, running: owned } of await hf.nodes.list()) {
    if (owned > 0) left.push(`node ${name} still owns ${owned}`);
  }
  for (const worker of crew.workers) {
    const stats = await worker.stats(patienceMs);
    if (stats === null) left.push(`${worker.who} is not up`);
    else if (stats.running > 0) left.push(`${worker.who} has ${stats.running} slots taken`);
  }
  return left;
}

async function explained(hf: Holdfast): Promise<readonly string[]> {
  const sentences: string[] = [];
  for (const status of ['queued', 'running', 'parked', 'quarantined'] as const) {
    const { runs } = await hf.runs.list({ status, limit: 5 });
    for (const { id } of runs) {
      const { sentence } = await hf.runs.explain(id);
      sentences.push(`run ${id}: ${sentence}`);
    }
  }
  return sentences;
}

/** Every run as the store has it at the end. */
async function readRuns(hf: Holdfast): Promise<readonly FinalRun[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await hf.runs.list({ limit: pageRows, ...(cursor === '' ? {} : { cursor }) });
    ids.push(...page.runs.map(({ id }) => id));
    cursor = page.next;
  }
  const runs: FinalRun[] = [];
  for (let from = 0; from < ids.length; from += readsAtOnce) {
    const some = ids.slice(from, from + readsAtOnce);
    const read = await Promise.all(some.map((id) => hf.runs.get(id)));
    const known = read.filter((run) => run !== null);
    runs.push(...(await Promise.all(known.map((run) => finalOf(hf, run)))));
  }
  return runs;
}

async function finalOf(hf: Holdfast, run: Run): Promise<FinalRun> {
  const succeeded = run.outcome?.kind === 'succeeded';
  const result = succeeded ? JSON.stringify(run.result) : null;
  const { id, fn } = run;
  const parent = run.parent === null ? {} : { parent: run.parent };
  const final = { id, fn, seen: seenOf(run, result), ...parent };
  return durable.includes(fn) ? { ...final, steps: await stepsOf(hf, id) } : final;
}

/** How each signal stands that somebody sent; null: there is none. */
async function readAnswers(hf: Holdfast, lines: readonly Line[]): Promise<readonly FinalAnswer[]> {
  const answers: FinalAnswer[] = [];
  for (const { run, signal } of signalsIn(lines)) {
    const answer = await hf.runs.answer(run, signal, { timeoutMs: 0 }).catch(() => null);
    answers.push({ run, signal, answer: answer === null ? null : JSON.stringify(answer) });
  }
  return answers;
}

/** The steps of a run that have ended; none has more than one page of them. */
async function stepsOf(hf: Holdfast, id: string): Promise<readonly StepText[]> {
  const { steps } = await hf.runs.steps(id);
  return steps
    .filter(({ kind, state }) => kind === 'step' && state !== 'running')
    .map(({ key, state, value }) => ({
      ...{ key, how: state, value: state === 'returned' ? JSON.stringify(value) : null },
    }));
}
