/**
 * A runtime on simulated time, an agent in front of it on two streams, and what the agent reads:
 * frames, told apart by a reader that knows nothing of ours.
 */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { memoryBus } from '../../src/bus/memory/memory-bus.ts';
import type { AnyFunction } from '../../src/define-function.ts';
import { Holdfast } from '../../src/holdfast.ts';
import type { Log } from '../../src/ports/log.ts';
import type { CallsOptions } from '../../src/runtime/calls/options.ts';
import { openRuntime } from '../../src/runtime.ts';
import { type StdioServer, serveStdio } from '../../src/stdio/index.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { processTable } from '../../src/system/process-table.ts';
import { SimulatedClock, seededRandom } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';

/** One answer, as an agent reads it. */
export interface ReadResult {
  readonly uid: string;
  readonly status: number;
  readonly contentType: string;
  readonly expiresAt: number;
  readonly body: string;
}

/** What an agent makes of all that was written. Throws where it would drop the plugin. */
export function readFrames(text: string): {
  results: readonly ReadResult[];
  lines: readonly string[];
} {
  const results: ReadResult[] = [];
  const lines: string[] = [];
  const all = text.split('\n');
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at] ?? '';
    const [word, uid = '', status = '', contentType = '', expires = ''] = line.split(' ');
    if (word === 'FUNCTION_RESULT_BEGIN') {
      const body: string[] = [];
      for (at += 1; !/^[\s='"]*FUNCTION_RESULT_END/.test(all[at] ?? ''); at += 1) {
        assert.ok(at < all.length, `the frame of ${uid} has no end`);
        body.push(all[at] ?? '');
      }
      const read = { uid, status: Number(status), contentType, expiresAt: Number(expires) };
      results.push({ ...read, body: body.join('\n') });
    } else if (line !== '') {
      assert.match(
        line,
        /^(FUNCTION|FUNCTION_DEL|FUNCTION_PROGRESS) /,
        `a line of nobody: ${line}`,
      );
      lines.push(line);
    }
  }
  return { results, lines };
}

/** How a scene is set. */
export interface SceneOptions {
  readonly functions?: readonly AnyFunction[];
  readonly calls?: CallsOptions;
  readonly compat?: boolean;
  readonly drainMs?: number;
  readonly keepaliveMs?: number;
}

/** A line of the log. */
export interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A runtime without an agent. */
export async function openOn(
  clock: SimulatedClock,
  options: SceneOptions,
  log: Log,
): Promise<Holdfast> {
  const { functions = [], calls = {} } = options;
  const world = {
    ...{ clock, log, random: seededRandom(1), store: createMemoryStore({ clock }) },
    ...{ bus: memoryBus({ defer: queueMicrotask }), processes: processTable() },
  };
  const execute = functions.length > 0;
  const given = { store: 'memory:', functions, execute, calls, drainGraceMs: 0, log };
  return new Holdfast(await openRuntime(given, world));
}

/** An agent and its plugin. */
export class StdioScene {
  readonly clock = new SimulatedClock();
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly logged: Logged[] = [];
  quits = 0;
  #hf: Holdfast | null = null;
  #server: StdioServer | null = null;
  #text = '';
  ended: string | null = null;

  static async open(options: SceneOptions = {}): Promise<StdioScene> {
    const scene = new StdioScene();
    const log: Log = {
      log: (level, message, fields = {}) => void scene.logged.push({ level, message, fields }),
    };
    const hf = await openOn(scene.clock, options, log);
    scene.#hf = hf;
    scene.output.on('data', (piece) => {
      scene.#text += String(piece);
    });
    const { compat = false, drainMs = 8_000, keepaliveMs = 1_000 } = options;
    const server = serveStdio(hf, {
      ...{ input: scene.input, output: scene.output, compat, drainMs, keepaliveMs },
      ...{ clock: scene.clock, log },
      onQuit: () => {
        scene.quits += 1;
      },
    });
    scene.#server = server;
    void server.done.then((how) => {
      scene.ended = how;
    });
    await settle();
    return scene;
  }

  get hf(): Holdfast {
    assert.ok(this.#hf);
    return this.#hf;
  }

  get server(): StdioServer {
    assert.ok(this.#server);
    return this.#server;
  }

  /** All that was written, as it is. */
  get text(): string {
    return this.#text;
  }

  get results(): readonly ReadResult[] {
    return readFrames(this.#text).results;
  }

  get lines(): readonly string[] {
    return readFrames(this.#text).lines;
  }

  /** The status of the only answer to a uid; null: there is none. */
  status(uid: string): number | null {
    const found = this.results.filter((one) => one.uid === uid);
    assert.ok(found.length < 2, `${uid} was answered ${found.length} times`);
    return found[0]?.status ?? null;
  }

  /** What the only answer to a uid holds. */
  body(uid: string): string {
    const [found, ...more] = this.results.filter((one) => one.uid === uid);
    assert.ok(found !== undefined && more.length === 0, `${uid} was answered once`);
    return found.body;
  }

  /** Sends, and lets everything happen that needs no time. */
  async send(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) this.input.write(piece);
    await settle(3);
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await settle(2);
  }

  /** The end of the input. */
  async endInput(): Promise<void> {
    this.input.end();
    await settle(3);
  }

  async close(): Promise<void> {
    const closed = this.server.stop().then(() => this.hf.close());
    let over = false;
    void closed.finally(() => {
      over = true;
    });
    for (let turn = 0; !over && turn < 100; turn += 1) {
      await settle();
      if (!over) await this.clock.advance(1_000);
    }
    await closed;
  }
}

/** A line that calls a function. */
export const called = (uid: string, words: string, seconds = 10): string =>
  `FUNCTION ${uid} ${seconds} "${words}" "0xffff" "method=api,role=test"\n`;

/** A frame with a body. */
export const withBody = (
  uid: string,
  words: string,
  body: string,
  type = 'application/json',
): string =>
  `FUNCTION_PAYLOAD ${uid} 10 "${words}" "0xffff" "method=api,role=test" "${type}"\n` +
  `${body}\nFUNCTION_PAYLOAD_END\n`;

export const cancelled = (uid: string): string => `FUNCTION_CANCEL ${uid}\n`;
