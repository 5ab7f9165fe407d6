/**
 * Keeps package-lock.json complete: every optional package that a locked package names has an
 * entry.
 *
 * npm leaves out the packages of other platforms when the registry it asked does not have them, or
 * when node_modules was there first, and `npm ci` then refuses the lock file on every machine. An
 * entry needs no more than the version (exact in the package that asks for it) and the platform
 * (in its name). It carries no integrity hash, since nothing was fetched.
 *
 *   npm run lock    run it after `npm install <package>`; adds what is missing
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LockEntry {
  readonly version?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockEntries = Readonly<Record<string, LockEntry>>;

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The entries to add, by their path in node_modules. Throws on a version that is a range. */
export function missingEntries(entries: LockEntries): Record<string, LockEntry> {
  const missing: Record<string, LockEntry> = {};
  for (const [path, entry] of Object.entries(entries)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const found = lookUp(entries, path, name) ?? missing[`node_modules/${name}`];
      if (found?.version === version) continue;
      if (found !== undefined && !/^\d/.test(version)) continue;
      if (!/^\d/.test(version)) {
        throw new Error(`${path} names ${name}@${version}: add its exact version by hand`);
      }
      const place = found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
      missing[place] = platformEntry(name, version, entry.dev === true);
    }
  }
  return missing;
}

/** What node's own resolution finds for `name` from the package at `path`. */
function lookUp(entries: LockEntries, path: string, name: string): LockEntry | undefined {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const found = entries[from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`];
    if (found !== undefined || from === '') return found;
  }
}

/**
 * `@oxc-parser/binding-linux-arm-gnueabihf` is for Linux on arm with glibc. The fields stand in the
 * order in which npm writes them.
 */
function platformEntry(name: string, version: string, dev: boolean): LockEntry {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const musl = words.some((word) => word.startsWith('musl'));
  const gnu = words.some((word) => word.startsWith('gnu'));
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(dev ? { dev } : {}),
    ...(musl ? { libc: ['musl'] } : gnu ? { libc: ['glibc'] } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

if (import.meta.main) {
  const path = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: LockEntries };
  const added = missingEntries(lock.packages);
  const packages = Object.fromEntries(
    Object.entries({ ...lock.packages, ...added }).sort(([a], [b]) => a.localeCompare(b, 'en')),
  );
  if (Object.keys(added).length > 0) {
    writeFileSync(path, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  }
  console.log(`package-lock.json: ${Object.keys(added).length} entries added`);
}
