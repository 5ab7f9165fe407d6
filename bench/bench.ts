/**
 * Owns the contract of a benchmark and the stage it plays on.
 */
import type { Answer, Ask } from './case.ts';
import { CaseProcess } from './case-process.ts';
import type { Durability, Measure, Side, Subject } from './measure.ts';
import { durabilities } from './measure.ts';
import type { RedisAddress, RedisServer } from './redis-server.ts';
import { startRedis } from './redis-server.ts';
import type { Peers } from './result.ts';

/** One benchmark of the catalogue. */
export interface Bench {
  readonly name: string;
  /** One line for the list. */
  readonly about: string;
  /** The word that stands for this one and others. */
  readonly group?: string;
  /** Words for it after `--only`. */
  readonly words?: readonly string[];
  /** It keeps nothing, so that no class of durability is meant. */
  readonly storeless?: boolean;
  /** So long that it is run under its own name only. */
  readonly long?: boolean;
  /** Who is measured beside ours, where that is not BullMQ on Redis alone. */
  peers?(): Peers;
  run(stage: Stage): Promise<readonly Measure[]>;
}

/** One side in one class, in its process. */
export interface Player extends Subject {
  readonly process: CaseProcess;
}

/** What a benchmark works with. */
export class Stage {
  /** Less of everything, to be done within a minute; the figures are rougher. */
  readonly quick: boolean;
  /** An empty folder on the disk that is measured; deleted at the end. */
  readonly dir: string;
  /** Words that name the sides to be measured; none: all of them. */
  readonly only: readonly string[];
  readonly #withPeer: boolean;
  readonly #say: (line: string) => void;
  readonly #leaving: (() => Promise<void>)[] = [];
  readonly #servers = new Map<Durability, RedisServer>();
  readonly #cases: CaseProcess[] = [];

  constructor(options: {
    readonly quick: boolean;
    readonly dir: string;
    readonly withPeer: boolean;
    readonly only: readonly string[];
    readonly say: (line: string) => void;
  }) {
    this.quick = options.quick;
    this.dir = options.dir;
    this.only = options.only;
    this.#withPeer = options.withPeer;
    this.#say = options.say;
  }

  /** Says on the terminal what goes on; not part of the result. */
  say(line: string): void {
    this.#say(line);
  }

  /** The full size, or the quick one. */
  size(full: number, quick: number): number {
    return this.quick ? quick : full;
  }

  /** The sides that can be measured here: the peer needs its server. */
  get sides(): readonly Side[] {
    return this.#withPeer ? ['ours', 'bullmq'] : ['ours'];
  }

  /** Opens a case in a process of its own. Ours gets the folder, the peer its server's address. */
  async open(module: string, subject: Subject, params: Ask = {}): Promise<Player> {
    const { side, durability } = subject;
    const place: Ask =
      side === 'ours' ? { dir: this.dir } : { redis: { ...(await this.redis(durability)) } };
    const name = `${module} (${durability})`;
    const process = await this.openCase(module, { ...place, durability, ...params }, name);
    return { side, durability, process };
  }

  /** Opens a case that is told where it works by `params` alone. */
  async openCase(module: string, params: Ask, name: string): Promise<CaseProcess> {
    const process = await CaseProcess.open(module, params, name);
    this.#cases.push(process);
    return process;
  }

  /** Opens `<name>-<side>` for every side and class; the order is that of the interleaving. */
  async openAll(name: string, params: Ask = {}): Promise<readonly Player[]> {
    const players: Player[] = [];
    for (const durability of durabilities) {
      for (const side of this.sides) {
        players.push(await this.open(`${name}-${side}`, { side, durability }, params));
      }
    }
    return players;
  }

  /** The peer's server of a class, started when it is first needed. */
  async redis(durability: Durability): Promise<RedisAddress> {
    const running = this.#servers.get(durability);
    if (running !== undefined) return running.address;
    const server = await startRedis(this.dir, durability);
    this.#servers.set(durability, server);
    return server.address;
  }

  /** Does this as well when the stage is cleared, after the cases are gone. */
  atClear(leave: () => Promise<void>): void {
    this.#leaving.push(leave);
  }

  /** Ends every process that was started here. */
  async clear(): Promise<void> {
    await Promise.all(this.#cases.map((process) => process.kill('SIGKILL')));
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
    await Promise.all(this.#leaving.splice(0).map((leave) => leave()));
  }
}

/**
 * Lets every player play in turn, round after round, so that all of them meet the machine's
 * moods. The first `warmUps` rounds are played and forgotten: code gets compiled in them, on
 * every side.
 */
export async function interleave<Round>(
  stage: Stage,
  players: readonly Player[],
  counts: { readonly rounds: number; readonly warmUps: number },
  play: (player: Player) => Promise<Round>,
): Promise<ReadonlyMap<Player, readonly Round[]>> {
  const played = new Map<Player, Round[]>(players.map((player) => [player, []]));
  for (let round = 0; round < counts.warmUps + counts.rounds; round += 1) {
    const kept = round >= counts.warmUps;
    stage.say(kept ? `round ${round - counts.warmUps + 1} of ${counts.rounds}` : 'warm-up');
    for (const player of players) {
      const result = await play(player);
      if (kept) played.get(player)?.push(result);
    }
  }
  return played;
}

/** Reads a number out of a case's answer. */
export function numberOf(answer: Answer, key: string): number {
  const value = answer[key];
  if (typeof value !== 'number') throw new Error(`the case gave no number '${key}'`);
  return value;
}

/** Reads a list of numbers out of a case's answer. */
export function numbersOf(answer: Answer, key: string): readonly number[] {
  const value = answer[key];
  if (!Array.isArray(value)) throw new Error(`the case gave no list '${key}'`);
  return value.map(Number);
}
