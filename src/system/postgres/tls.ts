/**
 * Owns what the modes of TLS mean, with the words of libpq: `disable`, `require` (encrypted, to
 * whomever), `verify-ca` (to somebody whom the given authority knows), `verify-full` (to the very
 * host).
 *
 * T1 A mode is kept or refused, never weakened. `allow` and `prefer` are refused: whoever stands in
 *    between turns them off.
 * T2 As in libpq, `require` with a root certificate is `verify-ca`.
 * T3 Without a mode there is no TLS. A server that insists on it says so, and the fault tells what
 *    to write. Sockets of the file system never have it.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { HoldfastError } from '../../core/errors.ts';

/** What `pg` takes as its option `ssl`. */
export type PostgresTls = false | ConnectionOptions;

/** Paths of PEM files. `system` as the root certificate: those that Node trusts. */
export interface TlsFiles {
  readonly rootCert: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** `no-verify` is what some hosters write for `require`. */
const modes = ['disable', 'require', 'no-verify', 'verify-ca', 'verify-full'];

/** The options of a mode. Throws `store.bad_path`. */
export function tlsOf(mode: string, files: TlsFiles): PostgresTls {
  if (!modes.includes(mode)) {
    const rule = 'use disable, require, verify-ca or verify-full';
    const why = mode === 'prefer' || mode === 'allow' ? ': it proves nothing' : '';
    throw bad(`sslmode '${mode.slice(0, 40)}' cannot be used${why}; ${rule}`);
  }
  if (mode === 'disable') return false;
  const system = files.rootCert === 'system';
  const ca = files.rootCert === null || system ? null : read('sslrootcert', files.rootCert);
  const own = {
    ...(files.cert === null ? {} : { cert: read('sslcert', files.cert) }),
    ...(files.key === null ? {} : { key: read('sslkey', files.key) }),
  };
  if ((files.cert === null) !== (files.key === null)) {
    throw bad('sslcert and sslkey belong together; give both or neither');
  }
  if (mode === 'verify-full') return { ...own, ...(ca === null ? {} : { ca }) };
  if (mode === 'verify-ca' && ca === null) {
    throw bad('sslmode verify-ca needs sslrootcert; give the file, or use verify-full');
  }
  // T2. Without an authority anybody is believed, so that nothing is left to check.
  if (ca === null) return { ...own, rejectUnauthorized: false };
  return { ...own, ca, checkServerIdentity: () => undefined };
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw bad(`${name} '${path}' cannot be read; correct the path or its rights`, error);
  }
}

const bad = (message: string, cause?: unknown): HoldfastError =>
  new HoldfastError('store.bad_path', message, { cause });
