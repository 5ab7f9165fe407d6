/**
 * Makes the checkout runnable before any npm script: installs the locked packages when they are
 * absent or differ from package-lock.json, and then insists on Node 24.
 *
 * Plain JavaScript for Node 18 and later, because on a fresh clone the machine's own Node runs it:
 * Node 24 is itself one of the packages, and npm puts it first on the PATH of the script it runs
 * next.
 *
 * E1  With nothing to do, on Node 24, it reads two files and starts no process.
 * E2  One install at a time in a checkout. The lock file is made in one step with its content
 *     (write aside, then link). It names the holder and the npm it started, and a waiter takes it
 *     over only when both are dead (on another host: when it is no longer touched). Whoever gets
 *     the lock looks again before it installs.
 * E3  An interrupted install is not taken for a finished one: npm writes its own record,
 *     node_modules/.package-lock.json, at the end.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const LOCK_TOUCH_MS = 2_000;
const LOCK_SILENT_MS_MAX = 60_000;
const LOCK_WAIT_MS_MAX = 15 * 60_000;
const LOCK_POLL_MS = 200;

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const lockFile = join(root, '.install-lock');

try {
  if (whyInstall() !== undefined) await installAlone();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`holdfast: ${text}\n`);
}

/**
 * @param {string} path
 * @returns {Record<string, PackageRecord> | undefined}
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }}
 *   PackageRecord
 */
function readPackages(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text).packages;
}

/**
 * Why the packages must be installed, or undefined when they stand as locked. Optional packages of
 * other platforms are locked but not installed, so only the required ones must be there.
 */
function whyInstall() {
  const locked = readPackages(join(root, 'package-lock.json'));
  if (locked === undefined) throw new Error('package-lock.json is missing: restore it from git');
  const installed = readPackages(join(modules, '.package-lock.json'));
  if (installed === undefined) return 'node_modules is absent or unfinished';
  for (const [path, want] of Object.entries(locked)) {
    if (path === '') continue;
    const have = installed[path];
    if (have === undefined && want.optional) continue;
    if (have?.version !== want.version || have?.integrity !== want.integrity) {
      return `${path} is not what package-lock.json names`;
    }
  }
  return whyNoNode24();
}

/** Installs under the lock; a script that waited finds the work done and installs nothing. */
async function installAlone() {
  const giveUpAt = Date.now() + LOCK_WAIT_MS_MAX;
  let token = takeLock();
  if (token === undefined) say('another script is installing the packages; waiting for it');
  while (token === undefined) {
    if (Date.now() > giveUpAt) {
      throw new Error(`waited too long for the install under way; see ${lockFile}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    token = takeLock();
  }
  const release = holdLock(token);
  try {
    const why = whyInstall();
    if (why !== undefined) await npmCi(why, token);
  } finally {
    release();
  }
}

/** @returns {string | undefined} the token written in the lock, or undefined when it is held */
function takeLock() {
  const token = `${hostname()} ${randomBytes(8).toString('hex')} ${process.pid}`;
  const aside = `${lockFile}.${process.pid}`;
  try {
    writeFileSync(aside, token);
  } catch (error) {
    throw new Error(`packages must be installed, but ${root} cannot be written: ${error}`);
  }
  try {
    linkSync(aside, lockFile);
    return token;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    removeDeadLock();
    return undefined;
  } finally {
    unlinkSync(aside);
  }
}

/** Moves a dead holder's lock aside, and reads what was moved once more before dropping it. */
function removeDeadLock() {
  const seen = readLock(lockFile);
  if (seen === undefined || !isDead(seen)) return;
  const moved = `${lockFile}.dead.${process.pid}`;
  try {
    renameSync(lockFile, moved);
    if (readLock(moved)?.text !== seen.text) linkSync(moved, lockFile);
    unlinkSync(moved);
  } catch {
    // Another waiter was faster; the next poll sees what it left.
  }
}

/** @param {string} path */
function readLock(path) {
  try {
    return { text: readFileSync(path, 'utf8'), touchedAt: statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}

/** @param {{ text: string, touchedAt: number }} lock */
function isDead(lock) {
  const [host, , ...pids] = lock.text.split(' ');
  if (host !== hostname()) return Date.now() - lock.touchedAt > LOCK_SILENT_MS_MAX;
  return !pids.some(isAlive);
}

/** @param {string} pid */
function isAlive(pid) {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH';
  }
}

/** @param {string} token */
function holdLock(token) {
  const touch = setInterval(() => {
    try {
      utimesSync(lockFile, new Date(), new Date());
    } catch {
      // The lock was taken away by hand; the install goes on.
    }
  }, LOCK_TOUCH_MS);
  return () => {
    clearInterval(touch);
    if (readLock(lockFile)?.text.startsWith(token)) unlinkSync(lockFile);
  };
}

/**
 * Runs the npm that started us, on the Node it was started with: the `npm` and `node` found on the
 * PATH could be those in node_modules, which `npm ci` removes first.
 *
 * @param {string} why
 * @param {string} token
 */
async function npmCi(why, token) {
  say(`${why}; installing the locked packages with npm ci`);
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== join(modules, '.bin'))
    .join(delimiter);
  const node = process.env.npm_node_execpath;
  const npm = process.env.npm_execpath;
  const known = node !== undefined && npm !== undefined && !node.startsWith(modules);
  const command = known ? node : 'npm';
  const args = ['ci', '--include=dev', '--loglevel=error', '--no-progress'];
  const child = spawn(command, known ? [npm, ...args] : args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(`${lockFile}.${process.pid}`, `${token} ${child.pid ?? ''}`.trim());
  renameSync(`${lockFile}.${process.pid}`, lockFile);
  const failed = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? code)));
  });
  if (failed !== undefined) throw new Error(`npm ci failed (${failed}); its messages are above`);
  const still = whyInstall();
  if (still !== undefined) throw new Error(`npm ci ended, yet ${still}`);
}

/**
 * Why the script itself would find no Node 24: npm gives it the one in node_modules, which the
 * install script of the package "node" puts there, and else the one that runs us now.
 */
function whyNoNode24() {
  if (major(process.version) >= NODE_MAJOR_MIN) return undefined;
  const local = join(modules, '.bin', 'node');
  try {
    const version = execFileSync(local, ['--version'], { encoding: 'utf8' });
    if (major(version) >= NODE_MAJOR_MIN) return undefined;
  } catch {
    // It is absent or does not run here; both are answered the same way.
  }
  return (
    `this is Node ${process.version}, and ${local} is no Node ${NODE_MAJOR_MIN} ` +
    '(with install scripts switched off, `npm rebuild node --ignore-scripts=false` brings it)'
  );
}

/** @param {string} version */
function major(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}
