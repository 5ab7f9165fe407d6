/**
 * Owns chance that nobody can guess: the secrets of access keys. It is never replayed from a seed.
 */
import { randomBytes } from 'node:crypto';

/** So many random bytes, as text that may stand in a header: hex, or base64url. */
export const randomText = (bytes: number, encoding: 'hex' | 'base64url'): string =>
  randomBytes(bytes).toString(encoding);
