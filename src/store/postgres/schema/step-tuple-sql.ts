/**
 * Owns the expressions that give steps and events in the order of `StepTuple` and `EventTuple`.
 */
import { eventColumnList, stepColumnList } from '../../step-tuple.ts';

const tuple = (columns: readonly string[], alias: string): string =>
  `json_build_array(${columns.map((column) => `${alias}.${column}`).join(', ')})`;

/** The step behind an alias of `steps`, as a JSON array. */
export const stepTuple = (alias: string): string => tuple(stepColumnList, alias);

/** The event behind an alias of `events`, as a JSON array. */
export const eventTuple = (alias: string): string => tuple(eventColumnList, alias);
