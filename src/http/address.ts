/** Owns where a server listens unless told otherwise, and what only this machine reaches. */
import { isIP } from 'node:net';

/** The default host: nobody else reaches it. */
export const hostDefault = '127.0.0.1';

/** The default port. */
export const portDefault = 7_400;

/** Whether only this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  return isIP(bare) === 4 && bare.startsWith('127.');
}
