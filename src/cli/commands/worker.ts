/** Owns the hidden command behind which a worker process of `holdfast up` lives. */
import type { Command } from 'commander';
import { usageError } from '../failure.ts';
import { type Session, storeOf } from '../session.ts';
import type { WorkerOrder } from '../up/messages.ts';

export function addWorker(program: Command, session: Session): void {
  const command = program.command('worker', { hidden: true });
  command.argument('<order>').action(async (order: string) => {
    if (process.send === undefined) {
      throw usageError('worker is a part of holdfast up', 'start one with holdfast up <app>');
    }
    const { work } = await import('../up/worker.ts');
    const { option } = storeOf(session, command);
    await work(session.io, option, JSON.parse(order) as WorkerOrder);
  });
}
