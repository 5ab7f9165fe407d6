/**
 * Owns what every program that hosts VMs of a tenant has in common: how it hears, speaks and ends.
 *
 * P1 It ends with whoever started it, and not before: a signal to a whole group or session (Ctrl-C,
 *    the stop of a service) is for the runtime, which may still wait for scripts.
 * P2 It ends at once: an orderly exit would wait for threads that may never end.
 */
import type { HostOrder, HostWord } from './host-wire.ts';

/** Ends this process, whatever its threads do. */
export function endProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Says something to whoever started this process; `then` follows when it was sent. */
export function sayAsHost(word: HostWord, then: () => void = () => {}): void {
  process.send?.(word, then);
}

/** Begins to hear orders. */
export function serveAsHost(hear: (order: HostOrder) => void): void {
  process.on('message', hear);
  process.on('disconnect', endProcess);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
}
