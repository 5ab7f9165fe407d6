/**
 * Owns what a key that is bound to a tenant sees and does: the tenant's own, and nothing else.
 *
 * I1 A run of another tenant is not there: the answer is the one for an id that nobody has.
 * I2 What is started belongs to the tenant, and its id is made of the tenant's name and the given
 *    one: an id that another tenant has taken is never met, so that it cannot be found out either.
 */
import { HoldfastError } from '../core/errors.ts';
import type { Holdfast, StartManyItem } from '../holdfast.ts';
import type { Run } from '../runtime/views.ts';
import type { Caller } from './caller.ts';
import { checkAddressable, given } from './given.ts';
import type { StartBody } from './schemas.ts';

/** What a run is started with. */
type Isolated = StartManyItem<unknown>;

const notFound = (id: string): HoldfastError =>
  new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });

/** A run that the caller may see; else `run.not_found` (I1). */
export async function visibleRun(hf: Holdfast, caller: Caller, id: string): Promise<Run> {
  const run = await hf.runs.get(id);
  if (run === null || (caller.tenant !== null && run.tenant !== caller.tenant)) throw notFound(id);
  return run;
}

/** Makes sure that the caller may see a run, where the run itself is not needed. */
export async function mustSee(hf: Holdfast, caller: Caller, id: string): Promise<void> {
  if (caller.tenant !== null) await visibleRun(hf, caller, id);
}

/** For whom something is done. Throws `auth.denied` if the caller asks for another tenant. */
export function tenantFor(caller: Caller, asked: string | undefined): string | undefined {
  if (caller.tenant === null || asked === caller.tenant) return asked;
  if (asked === undefined) return caller.tenant;
  const message = `the key is bound to tenant '${caller.tenant}'; leave 'tenant' out`;
  throw new HoldfastError('auth.denied', message, { details: { tenant: caller.tenant } });
}

/** The id under which a run is kept that the caller calls so (I2). */
export function keptId(caller: Caller, id: string): string {
  if (caller.tenant === null) return id;
  // A tilde within the tenant is written out, so that the first one ends it.
  return `${encodeURIComponent(caller.tenant).replaceAll('~', '%7E')}~${id}`;
}

/** What a caller says about a run to start, with what its key demands (I2). */
export function isolated(caller: Caller, { input, ...rest }: StartBody): Isolated {
  const tenant = tenantFor(caller, rest.tenant);
  const id = rest.id === undefined ? undefined : keptId(caller, checkAddressable(rest.id));
  return { input: input ?? null, ...given({ ...rest, id, tenant }) };
}
