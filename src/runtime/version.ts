/** Owns the version of holdfast, as its manifest has it. */
import { readFileSync } from 'node:fs';

let known: string | null = null;

/** Such as `1.2.3`; `unknown` where a bundler has left the manifest behind. */
export function packageVersion(): string {
  known ??= read();
  return known;
}

function read(): string {
  try {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
