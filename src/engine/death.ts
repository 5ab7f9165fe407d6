/**
 * Owns the judgement whether another node is dead, from what its row and the process table say.
 *
 * K1 A process that is gone, or a host that was booted since, is a proof: no lease has to run out.
 * K2 Where nothing can be proven, the lease decides, by the store's clock.
 * K3 A live process whose lease is over may just have a slow disk: it keeps its work for `vetoTtls`
 *    leases, and not for ever, because whoever cannot write for so long is of no use either.
 * K4 A frozen process cannot renew and cannot work: its lease decides at once.
 */
import type { ErrorDetail } from '../core/outcome.ts';
import type { ProcessState } from '../ports/process-table.ts';
import type { DeathEvidence, SeenNode } from '../ports/store-nodes.ts';

/** Leases for which a live process is left alone after its last renewal. */
export const vetoTtls = 4;

/** What is known about a node at the moment of the judgement. */
export interface Sight {
  readonly row: SeenNode;
  readonly process: ProcessState;
  /** The time since its last renewal, by now. */
  readonly silentMs: number;
  /** A former tenure of this very runtime, which has stopped all its work. */
  readonly stoppedHere: boolean;
}

/** Why the node is dead, or null while it may live or owns nothing. */
export function deathOf(sight: Sight): DeathEvidence | null {
  const { row, process, silentMs, stoppedHere } = sight;
  if (row.state === 'left' || row.state === 'dead') {
    return row.running === 0 ? null : evidence('left', sight, `is ${row.state}`);
  }
  if (row.bootOver) return evidence('boot-changed', sight, 'ran before this host was booted');
  if (process === 'gone') return evidence('process-gone', sight, 'is gone');
  if (stoppedHere) return evidence('left', sight, 'lost its lease and stopped its work');
  if (silentMs <= row.ttlMs) return null;
  const silence = `has not renewed its lease of ${row.ttlMs} ms for ${Math.round(silentMs)} ms`;
  if (process === 'stopped') return evidence('lease-over', sight, `is frozen and ${silence}`);
  if (process === 'unknown') return evidence('lease-over', sight, silence);
  if (silentMs <= row.ttlMs * vetoTtls) return null;
  return evidence('lease-over', sight, `is alive but ${silence}`);
}

function evidence(kind: DeathEvidence['kind'], { row, silentMs }: Sight, what: string) {
  const { name, node, process } = row;
  const { pid, hostName, startedAt } = process;
  const detail: ErrorDetail = {
    code: 'attempt.crashed',
    message: `the owner '${name}' (pid ${pid} on ${hostName}) ${what}`,
    details: { kind, node, name, pid, host: hostName, startedAt, silentMs: Math.round(silentMs) },
  };
  return { kind, detail };
}
