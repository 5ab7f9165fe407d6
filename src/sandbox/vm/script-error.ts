/**
 * Owns the errors of scripts: what a VM told, as an error of the table that names script and line.
 *
 * E1 A message begins with the script and, where the engine knows it, the line.
 * E2 What the script says of itself is shown, cut, and its stack in place of the host's.
 */
import { type ErrorCode, HoldfastError } from '../../core/errors.ts';
import type { ScriptLimits } from './limits.ts';
import { faultCharsMax, type VmFault, type VmSetup } from './wire.ts';

const codes: Readonly<Record<VmFault['kind'], ErrorCode>> = {
  unavailable: 'sandbox.unavailable',
  invalid: 'script.invalid',
  threw: 'script.failed',
  unreadable: 'script.failed',
  time: 'script.over_limit',
  memory: 'script.over_limit',
  outputValues: 'script.over_limit',
  outputBytes: 'script.over_limit',
  grantCalls: 'script.over_limit',
  lost: 'script.lost',
};

const limitOf: Readonly<Partial<Record<VmFault['kind'], keyof ScriptLimits>>> = {
  time: 'timeMs',
  memory: 'memoryBytes',
  outputValues: 'outputValues',
  outputBytes: 'outputBytes',
  grantCalls: 'grantCalls',
};

/** The error that a fault is. */
export function scriptError({ file, limits }: VmSetup, fault: VmFault): HoldfastError {
  const { kind, line, name, stack } = fault;
  const where = line === undefined ? `script ${file}` : `script ${file}:${line}`;
  const limit = limitOf[kind];
  const message = `${where} ${saying(fault, limit, limits)}`.slice(0, faultCharsMax);
  const details = {
    script: file,
    ...(line === undefined ? {} : { line }),
    ...(name === undefined ? {} : { name: cut(name) }),
    ...(limit === undefined ? {} : { limit, max: limits[limit] }),
  };
  const error = new HoldfastError(codes[kind], message, { details });
  if (stack !== undefined) error.stack = `HoldfastError: ${message}\n${cut(stack)}`;
  return error;
}

function saying(
  { kind, message, name }: VmFault,
  limit: keyof ScriptLimits | undefined,
  limits: ScriptLimits,
): string {
  if (limit !== undefined) return `was stopped: it used more than its ${limit}, ${limits[limit]}`;
  switch (kind) {
    case 'invalid':
      return `does not compile: ${message}`;
    case 'unavailable':
      return `cannot be executed here: ${message}`;
    case 'lost':
      return `lost its VM: ${message}`;
    default:
      return name === undefined ? `threw: ${message}` : `threw ${name}: ${message}`;
  }
}

const cut = (text: string): string => text.slice(0, faultCharsMax);
