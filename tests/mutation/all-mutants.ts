/**
 * Owns the list of all mutants, in the order in which the gate takes them.
 */
import { type Mutant, mutants } from './mutants.ts';
import { callMutants } from './mutants-calls.ts';
import { cleanUpMutants } from './mutants-cleanup.ts';
import { familyMutants, postgresFamilyMutants } from './mutants-families.ts';
import { flowMutants } from './mutants-flow.ts';
import { pinMutants, postgresPinMutants } from './mutants-pins.ts';
import { postgresMutants } from './mutants-postgres.ts';
import { sandboxMutants } from './mutants-sandbox.ts';
import { postgresStepMutants, stepMutants } from './mutants-steps.ts';
import { httpMutants, partMutants, postgresPartMutants } from './mutants-streams.ts';

/** Every guard that is taken out. */
export const allMutants: readonly Mutant[] = [
  ...[...mutants, ...stepMutants, ...pinMutants, ...partMutants, ...httpMutants],
  ...[...flowMutants, ...callMutants, ...familyMutants, ...postgresFamilyMutants],
  ...[...sandboxMutants, ...cleanUpMutants],
  ...[...postgresMutants, ...postgresStepMutants, ...postgresPinMutants],
  ...postgresPartMutants,
];
