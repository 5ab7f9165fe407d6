/** Owns `holdfast approve` and `holdfast reject`: a decision that a run waits for. */
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { readJson } from '../words.ts';

interface Options {
  readonly by?: string;
  readonly data: string;
}

export const addApprove = (program: Command, session: Session): void =>
  addDecision(program, session, 'approve');

export const addReject = (program: Command, session: Session): void =>
  addDecision(program, session, 'reject');

function addDecision(program: Command, session: Session, verb: 'approve' | 'reject'): void {
  const command = program.command(verb).description(`${verb} what a run waits for`);
  command
    .argument('<token>', 'the token that the run gave out')
    .option('--by <name>', 'who decides')
    .option('--data <json>', 'what the run is given: JSON, @file, or - for standard input', 'null')
    .action(async (token: string, { by, data }: Options) => {
      const given = { data: await readJson(session.io, data), ...(by === undefined ? {} : { by }) };
      await withStore(session, command, async ({ hf, print }) => {
        const { runId } = await hf.approvals[verb](token, given);
        const state = verb === 'approve' ? 'approved' : 'rejected';
        if (print.json) print.document({ runId, state });
        else print.line(`${state}: run ${runId} goes on`);
      });
    });
}
