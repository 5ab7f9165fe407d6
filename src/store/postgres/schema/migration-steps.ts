/**
 * Owns the schema version that brings steps and events.
 */
import { decidingStepsSql } from './deciding-steps.ts';
import { eventingSql } from './eventing.ts';
import { recordingSql } from './recording.ts';
import { stepsSql } from './steps.ts';
import { wakingSql } from './waking.ts';

export const migrationSteps = (s: string): string =>
  [stepsSql, recordingSql, eventingSql, wakingSql, decidingStepsSql]
    .map((part) => part(s))
    .join('\n');
