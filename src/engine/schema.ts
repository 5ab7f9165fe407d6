/**
 * Owns the checking of inputs by whatever schema library the author of a function chose.
 *
 * V1 Every issue is told with its path; how many are told is bounded.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Checked } from './hosted.ts';

const issuesMax = 10;
const issueCharsMax = 300;

/** Checks a value. Throws what the schema throws. */
export function checkBy(schema: StandardSchemaV1, value: unknown): Checked | Promise<Checked> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(checkedOf) : checkedOf(result);
}

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, value: result.value };
  const issues = result.issues.slice(0, issuesMax).map(lineOf);
  const more = result.issues.length - issues.length;
  if (more > 0) issues.push(`and ${more} more`);
  return { ok: false, issues };
}

function lineOf({ message, path = [] }: StandardSchemaV1.Issue): string {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  const where = keys.length === 0 ? '(the whole)' : keys.map(String).join('.');
  return `${where}: ${message}`.slice(0, issueCharsMax);
}
