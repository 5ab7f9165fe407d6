/**
 * A folder with a store in it, and the runtimes on it, for tests with real files, threads and time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Holdfast, type OpenOptions } from 'holdfast';

/** One store in a folder of its own. */
export class Place {
  readonly folder: string;
  readonly path: string;
  readonly #open: Holdfast[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, 'jobs.db');
  }

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), 'holdfast-e2e-')));
  }

  async open(options: Partial<OpenOptions> = {}): Promise<Holdfast> {
    const hf = await Holdfast.open({ store: { path: this.path }, drainGraceMs: 0, ...options });
    this.#open.push(hf);
    return hf;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#open.map((hf) => hf.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Something that a handler and a test meet at, once for each key. */
export function meetings<Value = void>() {
  const met = new Map<unknown, PromiseWithResolvers<Value>>();
  return (key: unknown = 'here'): PromiseWithResolvers<Value> => {
    const one = met.get(key) ?? Promise.withResolvers<Value>();
    met.set(key, one);
    return one;
  };
}
