/**
 * The work of the tour: hand in a run for every file, and wait for their effects.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Holdfast } from 'holdfast';
import { measureFile } from './app.ts';
import type { Crew, Kill } from './crew.ts';
import { type FileInput, runIdOf } from './files.ts';
import { type Entry, ledgerReader, openLedger } from './ledger.ts';
import { progress } from './progress.ts';
import { type Audit, audit, count, type Takeover, takeover } from './report.ts';

const batchRuns = 1_000;
const lookMs = 20;
/** Without a new line in the ledger for this long, what is missing counts as lost. */
const stallMsMax = 60_000;

export interface Worked {
  readonly audit: Audit;
  readonly takeover: Takeover;
  readonly kill: Kill;
  /** Runs of which the store says something else than the ledger. */
  readonly differences: readonly string[];
}

/** Hands in the runs and sees them through to their effects. */
export async function workThrough(
  hf: Holdfast,
  ledgerPath: string,
  files: readonly FileInput[],
  crew: Crew,
): Promise<Worked> {
  await accept(hf, ledgerPath, files);
  const read = ledgerReader(ledgerPath);
  const entries = await untilEnded(read, files.length);
  await untilSettled(hf);
  entries.push(...read());
  const kill = await crew.kill;
  const counted = audit(entries);
  const differences = await compare(hf, counted);
  return { audit: counted, takeover: takeover(entries, kill.victim.pid), kill, differences };
}

/** Starts a run for every file. The ledger has an entry for each that the store accepted. */
async function accept(
  hf: Holdfast,
  ledgerPath: string,
  files: readonly FileInput[],
): Promise<void> {
  const ledger = openLedger(ledgerPath);
  for (let from = 0; from < files.length; from += batchRuns) {
    const batch = files.slice(from, from + batchRuns);
    const items = batch.map((input) => ({ id: runIdOf(input), input }));
    const verdicts = await hf.startMany(measureFile, items);
    for (const verdict of verdicts) if (!verdict.ok) throw verdict.error;
    ledger.write(items.map(({ id: run }) => ({ event: 'accepted', run })));
    progress(`${count(from + batch.length)} of ${count(files.length)} runs accepted`);
  }
  ledger.close();
}

/** Reads the ledger until all runs have their effect, or nothing was added for too long. */
async function untilEnded(read: () => Entry[], runs: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  const ended = new Set<string>();
  let movedAt = performance.now();
  while (ended.size < runs && performance.now() - movedAt < stallMsMax) {
    await wait(lookMs);
    const fresh = read();
    for (const entry of fresh) {
      entries.push(entry);
      if (entry.event === 'end') ended.add(entry.run);
    }
    if (fresh.length > 0) movedAt = performance.now();
    progress(`${count(ended.size)} of ${count(runs)} runs done`);
  }
  progress('');
  return entries;
}

/** Outcomes follow effects, and a doubled effect would come late: waits for the store to rest. */
async function untilSettled(hf: Holdfast): Promise<void> {
  const begunAt = performance.now();
  while (performance.now() - begunAt < stallMsMax) {
    const { queued, running, parked } = await hf.runs.counts();
    if (queued + running + parked === 0) return;
    await wait(lookMs);
  }
}

/** Holds the ledger against the store, run by run. */
async function compare(hf: Holdfast, { accepted, effects }: Audit): Promise<string[]> {
  const differences: string[] = [];
  const missing = new Set(accepted);
  let cursor: string | null = null;
  do {
    const page = await hf.runs.list({ limit: 1_000, ...(cursor === null ? {} : { cursor }) });
    for (const run of page.runs) {
      missing.delete(run.id);
      const effect = effects.get(run.id);
      const expected = effect === undefined ? undefined : effect.measure ? 'succeeded' : 'failed';
      if (run.outcome?.kind !== expected) {
        const stored = run.outcome?.kind ?? run.status;
        differences.push(
          `${run.id}: ${expected ?? 'no effect'} by the ledger, ${stored} by the store`,
        );
      }
    }
    cursor = page.next;
  } while (cursor !== null);
  for (const id of missing) differences.push(`${id}: accepted, but not in the store`);
  return differences;
}
