/**
 * Owns when nodes lost their ownership, and whether that was right.
 *
 * A node is lost from the moment at which somebody first called `recover` for it and was not
 * refused; before that nobody can have been given its runs by force.
 *
 * T1 (G7) `process-gone` is claimed only of processes that were killed or had been asked to end.
 * T2 (G7) `lease-over` is granted only when the whole lease has passed since the start of the last
 *    renewal.
 * T3 (G7) `left` is claimed only of a node that left, was lost before, or executes nothing.
 * T4 A node that is lost renews nothing any more.
 */
import type { Account, Execution, NodeLife, Recovery } from './account.ts';

/** From when on a node may have lost its runs; `Infinity`: never. */
export function lossTimes({ recoveries }: Account): ReadonlyMap<number, number> {
  const lostAt = new Map<number, number>();
  for (const { node, calledAt, granted } of recoveries) {
    if (granted === false) continue;
    lostAt.set(node, Math.min(calledAt, lostAt.get(node) ?? Number.POSITIVE_INFINITY));
  }
  return lostAt;
}

/** When nodes had lost their runs for certain: by then somebody knew that he had taken them. */
export function takenTimes({ recoveries }: Account): ReadonlyMap<number, number> {
  const takenAt = new Map<number, number>();
  for (const { node, answeredAt, granted } of recoveries) {
    if (granted !== true || answeredAt === null) continue;
    takenAt.set(node, Math.min(answeredAt, takenAt.get(node) ?? Number.POSITIVE_INFINITY));
  }
  return takenAt;
}

/** The node under which an attempt was claimed, by `run/fence`. */
export function ownersOf({ claims }: Account): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  for (const [run, list] of claims) {
    for (const { fence, node } of list) owners.set(`${run}/${fence}`, node);
  }
  return owners;
}

/** T1 to T4. */
export function auditTenures(account: Account): readonly string[] {
  const executions = executionsByNode(account);
  const claimers = new Set(ownersOf(account).values());
  const found: string[] = [];
  const tried = Map.groupBy(
    account.recoveries.filter(({ granted }) => granted !== false),
    ({ node }) => node,
  );
  for (const [node, recoveries] of tried) {
    const answers = recoveries.filter(({ granted }) => granted === true);
    const knownAt = Math.min(...answers.map(({ answeredAt }) => answeredAt ?? Infinity));
    if (knownAt === Infinity) continue;
    const life = account.nodes.get(node);
    if (life === undefined) {
      // A joining whose answer was lost leaves a node that nobody is.
      if (claimers.has(node)) found.push(`T3 node ${node} claimed runs and never joined`);
      continue;
    }
    // Several ask at once, and whoever comes second is granted what is true by then.
    const first = recoveries.filter(({ calledAt }) => calledAt <= knownAt);
    const wrongs = first.map((one) =>
      wrongly(account, life, one, knownAt, executions.get(node) ?? []),
    );
    if ((life.leftAt ?? Infinity) > knownAt && wrongs.every((wrong) => wrong !== null)) {
      const who = first.map((one) => one.who).join(', ');
      found.push(`${wrongs.join('; ')}: node ${node} (${life.who}), taken by ${who}`);
    }
    const late = life.renewedFrom.find((from) => from > knownAt);
    if (late !== undefined) found.push(`T4 node ${node} was lost and renewed its lease afterwards`);
  }
  return found;
}

function executionsByNode(account: Account): ReadonlyMap<number, readonly Execution[]> {
  const owners = ownersOf(account);
  const byNode = new Map<number, Execution[]>();
  for (const one of account.executions.values()) {
    const node = owners.get(`${one.run}/${one.fence}`);
    if (node === undefined) continue;
    const list = byNode.get(node);
    if (list === undefined) byNode.set(node, [one]);
    else list.push(one);
  }
  return byNode;
}

/** What was wrong with it, had it been the first; it took effect by `knownAt` then. */
function wrongly(
  { lives }: Account,
  { who, ttlMs, renewedFrom }: NodeLife,
  { kind, calledAt }: Recovery,
  knownAt: number,
  executions: readonly Execution[],
): string | null {
  const life = lives.get(who);
  switch (kind) {
    case 'process-gone': {
      const endedAt = Math.min(life?.killedAt ?? Infinity, life?.closingAt ?? Infinity);
      return endedAt < knownAt ? null : 'T1 a process that was not killed is said to be gone';
    }
    case 'lease-over': {
      const silentMs = knownAt - Math.max(...renewedFrom.filter((from) => from <= knownAt));
      return silentMs >= ttlMs ? null : `T2 a lease of ${ttlMs} ms was over ${silentMs} ms after`;
    }
    case 'left': {
      const executes = executions.find(
        ({ begunAt, doneAt }) => begunAt < calledAt && (doneAt ?? Infinity) > calledAt,
      );
      return executes === undefined ? null : `T3 it still executes run ${executes.run}`;
    }
    default:
      return `T3 it was recovered as '${kind}'`;
  }
}
