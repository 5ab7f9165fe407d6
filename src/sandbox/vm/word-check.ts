/**
 * Owns whether what came from a VM is a word at all.
 *
 * C1 A VM that was broken open says what it likes. What is no word in every part of its form never
 *    gets past here, so that nothing behind it stumbles.
 */
import type { VmFault, VmWord } from './wire.ts';

const kinds: Readonly<Record<VmFault['kind'], true>> = {
  ...{ unavailable: true, invalid: true, threw: true, unreadable: true, lost: true },
  ...{ time: true, memory: true, outputValues: true, outputBytes: true, grantCalls: true },
};

/** Whether it is a fault, in every part of its form. */
export function isVmFault(value: unknown): value is VmFault {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, message, name, line, stack } = value as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return false;
  if (line !== undefined && !Number.isSafeInteger(line)) return false;
  return typeof message === 'string' && isTextOrNone(name) && isTextOrNone(stack);
}

/** Whether it is a word, in every part of its form. */
export function isVmWord(value: unknown): value is VmWord {
  if (typeof value !== 'object' || value === null) return false;
  const { word, call, text, fault, ask, grant, clean } = value as Record<string, unknown>;
  if (word === 'ready') return true;
  if (word === 'refused') return isVmFault(fault);
  if (typeof call !== 'number') return false;
  switch (word) {
    case 'began':
      return true;
    case 'value':
      return typeof text === 'string';
    case 'ask':
      return typeof ask === 'number' && typeof grant === 'string' && typeof text === 'string';
    case 'done':
      return text === null || typeof text === 'string';
    case 'failed':
      return isVmFault(fault) && typeof clean === 'boolean';
    default:
      return false;
  }
}

const isTextOrNone = (value: unknown): boolean => value === undefined || typeof value === 'string';
