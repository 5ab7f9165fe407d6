/** Owns `holdfast keys`: the access keys with which programs get in through the HTTP API. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { type KeyScope, keyScopes } from '../../core/access.ts';
import type { KeyView } from '../../runtime/keys.ts';
import { formatMoment } from '../duration.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';

const moment = (ms: number | null): string => (ms === null ? '-' : formatMoment(ms));

const columns: readonly Column<KeyView>[] = [
  { title: 'ID', text: (key) => key.id },
  { title: 'NAME', text: (key) => key.name, elastic: true },
  { title: 'SCOPE', text: (key) => key.scope },
  { title: 'TENANT', text: (key) => key.tenant ?? '-', elastic: true },
  { title: 'CREATED', text: (key) => moment(key.createdAt) },
  { title: 'USED', text: (key) => moment(key.usedAt) },
];

export function addKeys(program: Command, session: Session): void {
  const command = program.command('keys').description('access keys for the HTTP API');
  const list = async (own: Command): Promise<void> => {
    await withStore(session, own, async ({ hf, print }) => {
      const keys = await hf.keys.list();
      if (print.json) return print.document({ keys });
      const title = (text: string): string => print.style('dim', text);
      for (const line of tableLines(keys, columns, print.columns, title)) print.line(line);
      if (keys.length === 0) print.note('the store has no access key: holdfast keys create <name>');
    });
  };
  const ls = command.command('ls').description('list access keys, without their secrets');
  ls.action(() => list(ls));
  command.action(() => list(command));
  addCreate(command, session);
  addRevoke(command, session);
}

interface CreateOptions {
  readonly scope: KeyScope;
  readonly tenant?: string;
}

function addCreate(keys: Command, session: Session): void {
  const command = keys.command('create').description('make an access key, and show it this once');
  command
    .argument('<name>', 'what people call it, such as the program that holds it')
    .addOption(
      new Option('--scope <scope>', 'what it may do; each includes those before it')
        .choices(keyScopes)
        .default('start'),
    )
    .option('--tenant <tenant>', 'it sees and starts runs of this tenant alone')
    .action(async (name: string, { scope, tenant }: CreateOptions) => {
      await withStore(session, command, async ({ hf, print }) => {
        const more = tenant === undefined ? {} : { tenant };
        const made = await hf.keys.create({ name, scope, ...more });
        if (print.json) return print.document(made);
        print.line(made.key);
        print.note('keep it now: it is shown this once, and the store has only its digest');
      });
    });
}

function addRevoke(keys: Command, session: Session): void {
  const command = keys.command('revoke').description('make an access key useless, within a second');
  command.argument('<id>', 'the id of the key').action(async (id: string) => {
    await withStore(session, command, async ({ hf, print }) => {
      await hf.keys.revoke(id);
      if (print.json) print.document({ id });
      else print.line(`revoked the access key ${id}`);
    });
  });
}
