/**
 * What the cases of our side share.
 */
import type { FunctionDefinition, Holdfast } from 'holdfast';
import { type Ask, verify } from '../case.ts';
import type { Durability } from '../measure.ts';

/** What every case of our side is opened with. */
export type OursParams = Ask & { readonly dir: string; readonly durability: Durability };

/** What the functions of the cases take and give back. */
export interface Numbered {
  readonly n: number;
}

/** Starts one run for each number, in one call, and checks that each is accepted. */
export async function startNumbers(
  hf: Holdfast,
  fn: FunctionDefinition<string, Numbered, unknown>,
  numbers: readonly number[],
): Promise<void> {
  const verdicts = await hf.startMany(
    fn,
    numbers.map((n) => ({ input: { n } })),
  );
  verify(
    verdicts.every((verdict) => verdict.ok),
    'every start is accepted',
  );
}
