/** The limit: the function itself. */
import type { Case } from '../case.ts';
import { callingCase } from './calling.ts';

export async function openCase(): Promise<Case> {
  const noop = async (n: number): Promise<number> => n;
  return callingCase(noop);
}
