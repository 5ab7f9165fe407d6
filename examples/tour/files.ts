/**
 * The input of the tour: every regular file below a folder, whatever it is called.
 *
 * Names are bytes, not text. A name that is no valid UTF-8 travels as base64 beside its readable
 * form.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** One file, as it is handed to a run. */
export interface FileInput {
  /** Its place in the tour's order of acceptance, from 0. */
  readonly n?: number;
  /** Path below the folder, with forward slashes, as text. */
  readonly path: string;
  /** The path's bytes in base64, when they are no valid UTF-8. */
  readonly bytes?: string;
}

export interface Found {
  readonly root: string;
  readonly files: readonly FileInput[];
  /** Where the list came from, for the reader. */
  readonly source: string;
  /** Folders that could not be read. */
  readonly closed: readonly string[];
}

const slash = Buffer.from('/');

/** The files below `folder`, or without one: those that git tracks in the current folder. */
export async function findFiles(folder: string | undefined): Promise<Found> {
  const root = folder ?? process.cwd();
  if (!(await isFolder(root))) throw new Error(`'${root}' is not a folder that can be read`);
  const tracked = folder === undefined ? gitFiles(root) : null;
  const closed: string[] = [];
  const names = tracked ?? (await walk(root, folder === undefined ? leftOut : new Set(), closed));
  const files = names.sort(Buffer.compare).map((name, n): FileInput => {
    const path = name.toString();
    const isText = Buffer.from(path).equals(name);
    return isText ? { n, path } : { n, path, bytes: name.toString('base64') };
  });
  if (files.length === 0) throw new Error(`there is no regular file below '${root}'`);
  const source =
    tracked === null ? `the files below ${root}` : `the files that git tracks in ${root}`;
  return { root, files, source, closed };
}

/** What nobody means when they name no folder. */
const leftOut = new Set(['node_modules', '.git']);

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Null where git tracks nothing. Links and deleted files are not regular files. */
function gitFiles(root: string): Buffer[] | null {
  let listed: Buffer;
  try {
    listed = execFileSync('git', ['ls-files', '-z'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 30,
    });
  } catch {
    return null;
  }
  const names: Buffer[] = [];
  for (let from = 0, to = listed.indexOf(0); to !== -1; to = listed.indexOf(0, from)) {
    const name = listed.subarray(from, to);
    const isFile = lstatSync(below(root, name), { throwIfNoEntry: false })?.isFile() === true;
    if (isFile) names.push(name);
    from = to + 1;
  }
  return names.length === 0 ? null : names;
}

async function walk(root: string, without: Set<string>, closed: string[]): Promise<Buffer[]> {
  const names: Buffer[] = [];
  const folders: Buffer[] = [Buffer.alloc(0)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const here = folder;
    const entries = await readdir(below(root, here), {
      withFileTypes: true,
      encoding: 'buffer',
    }).catch(() => {
      closed.push(here.toString());
      return [];
    });
    for (const entry of entries) {
      const path = here.length === 0 ? entry.name : Buffer.concat([here, slash, entry.name]);
      if (entry.isFile()) names.push(path);
      else if (entry.isDirectory() && !without.has(entry.name.toString())) folders.push(path);
    }
  }
  return names;
}

const below = (root: string, name: Buffer): Buffer =>
  name.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(root), slash, name]);

/** Where a file is. */
export const placeOf = (root: string, file: FileInput): string | Buffer =>
  file.bytes === undefined ? join(root, file.path) : below(root, Buffer.from(file.bytes, 'base64'));

/** The run of a file: the same path always gives the same id. */
export function runIdOf(file: FileInput): string {
  const readable = file.path.slice(-40).replace(/[^\w./-]/g, '_');
  const digest = createHash('sha256')
    .update(file.bytes ?? file.path)
    .digest('hex');
  return `${readable}#${digest.slice(0, 16)}`;
}

/** Lane of a file: its extension. */
export function laneOf(file: FileInput): string {
  const extension = extname(file.path).toLowerCase();
  return /^\.\w{1,20}$/.test(extension) ? extension : '(other)';
}

/** Tenant of a file: its top folder. */
export function tenantOf(file: FileInput): string {
  const [top = '', ...rest] = file.path.split('/');
  return rest.length === 0 ? '(top)' : top.slice(0, 100).replace(/[\p{C}\p{Z}]/gu, '_');
}
