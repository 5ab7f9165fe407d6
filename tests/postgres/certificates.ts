/**
 * Owns certificates for servers of tests: self-signed ones, so that each is its own authority.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
}

/** The options of a suite that makes certificates. */
export const needsOpenssl = hasOpenssl() ? {} : { skip: 'needs openssl to make certificates' };

/** Makes `<name>.key` and `<name>.crt` in the folder, for a host, and gives their texts. */
export function certify(folder: string, name: string, host: string) {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
