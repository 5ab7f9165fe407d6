/** Owns `holdfast tenants`: their weights and limits, and the setting of these. */
import type { Command } from 'commander';
import { limits } from '../../core/limits.ts';
import type { TenantView } from '../../ports/store-reads.ts';
import { usageError } from '../failure.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';
import { parseCount, parseNumber } from '../words.ts';

interface Options {
  readonly weight?: string;
  readonly runningMax?: string;
  readonly waitingMax?: string;
}

const columns: readonly Column<TenantView>[] = [
  { title: 'TENANT', text: (tenant) => tenant.tenant, elastic: true },
  { title: 'WEIGHT', text: (tenant) => String(tenant.weight), right: true },
  { title: 'HOLDING', text: (tenant) => String(tenant.holding), right: true },
  { title: 'RUNNING MAX', text: (tenant) => String(tenant.runningMax ?? '-'), right: true },
  { title: 'WAITING MAX', text: (tenant) => String(tenant.waitingMax ?? '-'), right: true },
];

export function addTenants(program: Command, session: Session): void {
  const command = program
    .command('tenants')
    .description('list tenants, or set their share and limits');
  command.action(async () => {
    await withStore(session, command, async ({ hf, print }) => {
      const tenants = await hf.tenants.list();
      if (print.json) return print.document({ tenants });
      const title = (text: string): string => print.style('dim', text);
      for (const line of tableLines(tenants, columns, print.columns, title)) print.line(line);
      if (tenants.length === 0) print.note('no tenant has started a run or was given terms yet');
    });
  });
  addTenantsSet(command, session);
}

function addTenantsSet(tenants: Command, session: Session): void {
  const command = tenants.command('set').description("set a tenant's share and limits");
  command
    .argument('<tenant>', 'the tenant')
    .option('--weight <number>', 'its share relative to a tenant of weight 1')
    .option('--running-max <count>', "how many of its runs at once, or 'none'")
    .option('--waiting-max <count>', "how many of its runs may wait, or 'none'")
    .action(async (tenant: string, options: Options) => {
      const { weight } = options;
      const terms = {
        ...(weight === undefined ? {} : { weight: parseNumber('--weight', weight) }),
        ...maxOf('runningMax', '--running-max', options.runningMax),
        ...maxOf('waitingMax', '--waiting-max', options.waitingMax),
      };
      if (Object.keys(terms).length === 0) {
        throw usageError('nothing to set was given', 'see holdfast tenants set --help');
      }
      await withStore(session, command, async ({ hf, print }) => {
        await hf.tenants.set(tenant, terms);
        if (print.json) print.document({ tenant, ...terms });
        else print.line(`set the terms of tenant '${tenant}'`);
      });
    });
}

function maxOf<Key extends string>(
  key: Key,
  option: string,
  text: string | undefined,
): { [key in Key]?: number | null } {
  if (text === undefined) return {};
  const value = text === 'none' ? null : parseCount(option, text, 0, limits.liveRunsMax);
  return { [key]: value } as { [key in Key]?: number | null };
}
