/**
 * Owns wake-ups between the processes of one host: a folder beside the store, one small file a
 * topic.
 *
 * To publish is to write a few bytes; to listen is to watch the file (inotify on Linux). No
 * process has to know another one, and nothing has to be cleaned up after one that was killed.
 *
 * M1 At most one write of a topic in `writeEveryMs`: the first publish of a moment is written at
 *    once, the last one a moment later. Closing writes what is still held back.
 * M2 Own listeners are called directly, without the file system, and always after the write. Hence
 *    a file with the own signature has nothing new to say, and its event is dropped.
 * M3 Nothing here keeps the process alive: watchers and timers are unreferenced.
 * M4 A folder that was deleted is made again by the next publish, and by listeners after
 *    `repairAfterMs`. Where it cannot be made, the bus says so once and polling has to do.
 */
import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { join } from 'node:path';
import type { Bus, BusTopic, Unsubscribe } from '../../ports/bus.ts';
import { busTopics } from '../../ports/bus.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Random } from '../../ports/random.ts';
import { Listeners, nextTurn } from '../listeners.ts';
import { TopicFile } from './topic-file.ts';

/** The least time between two writes of one topic. */
const writeEveryMs = 1;

/**
 * How long listeners wait before they make a lost file again: whoever deletes the folder can
 * finish.
 */
const repairAfterMs = 250;

/** How long they wait after the folder could not be used. */
const repairAfterFaultMs = 5_000;

/** Where a file bus lives and what it works with. */
export interface FileBusOptions {
  /**
   * Made (mode 0700) when it is missing; its parent must exist. The same for all who hear each
   * other.
   */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A bus between all processes of this host that name the same folder. */
export function fileBus(options: FileBusOptions): Bus {
  return new FileBus(options);
}

class FileBus implements Bus {
  readonly #listeners: Listeners;
  readonly #channels: ReadonlyMap<BusTopic, Channel>;
  #open = true;

  constructor({ folder, clock, random, log }: FileBusOptions) {
    const listeners = new Listeners(log, nextTurn);
    const signature = random.id();
    let told = false;
    const onTrouble = (error: unknown): void => {
      if (told) return;
      told = true;
      const message = `no wake-ups through '${folder}': other processes find work by polling only`;
      log.log('warn', message, { folder, error: String(error) });
    };
    const channel = (topic: BusTopic): Channel =>
      new Channel(join(folder, topic), signature, clock, onTrouble, () => listeners.wake(topic));
    this.#listeners = listeners;
    this.#channels = new Map(busTopics.map((topic) => [topic, channel(topic)]));
  }

  publish(topic: BusTopic): void {
    if (this.#open) this.#channels.get(topic)?.publish();
  }

  subscribe(topic: BusTopic, listener: () => void): Unsubscribe {
    if (!this.#open) return () => {};
    const remove = this.#listeners.add(topic, listener);
    this.#channels.get(topic)?.listen(true);
    return () => {
      remove();
      if (!this.#listeners.has(topic)) this.#channels.get(topic)?.listen(false);
    };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#listeners.clear();
    for (const channel of this.#channels.values()) channel.close();
  }
}

/** One topic: its file, its watcher while somebody listens, and the write that is held back. */
class Channel {
  readonly #path: string;
  readonly #signature: string;
  readonly #clock: Clock;
  readonly #onTrouble: (error: unknown) => void;
  readonly #wake: () => void;
  #file: TopicFile | null = null;
  #watcher: FSWatcher | null = null;
  #listening = false;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #heldBack: Timer | null = null;
  #repair: Timer | null = null;
  #checking = false;

  constructor(
    path: string,
    signature: string,
    clock: Clock,
    onTrouble: (error: unknown) => void,
    wake: () => void,
  ) {
    this.#path = path;
    this.#signature = signature;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    this.#wake = wake;
  }

  publish(): void {
    this.#wake();
    if (this.#heldBack !== null) return;
    const waitMs = this.#lastWrite + writeEveryMs - this.#clock.mono();
    if (waitMs <= 0) this.#write();
    else this.#heldBack = this.#clock.after(waitMs, () => this.#writeHeldBack());
  }

  /** Watches the file, or stops watching it. */
  listen(listening: boolean): void {
    this.#listening = listening;
    if (listening) this.#watch();
    else this.#unwatch();
  }

  close(): void {
    if (this.#heldBack !== null) this.#writeHeldBack();
    this.listen(false);
    this.#letGo();
  }

  /**
   * M2: own listeners are called once more, because a write of another process may be covered by
   * this.
   */
  #writeHeldBack(): void {
    this.#heldBack?.cancel();
    this.#heldBack = null;
    this.#write();
    this.#wake();
  }

  #write(): void {
    try {
      if (this.#file?.lost()) this.#letGo();
      this.#file ??= new TopicFile(this.#path, this.#signature);
      this.#file.sign();
    } catch (error) {
      this.#fail(error);
    }
    this.#lastWrite = this.#clock.mono();
    if (this.#listening) this.#watch();
  }

  #watch(): void {
    if (this.#watcher !== null) return;
    try {
      this.#file ??= new TopicFile(this.#path, this.#signature);
      const watcher = watch(this.#path, { persistent: false });
      watcher.on('change', () => this.#onEvent());
      watcher.on('error', (error) => this.#fail(error));
      this.#watcher = watcher;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Events of one turn are one check. */
  #onEvent(): void {
    if (this.#checking) return;
    this.#checking = true;
    nextTurn(() => {
      this.#checking = false;
      this.#check();
    });
  }

  #check(): void {
    if (!this.#listening) return;
    try {
      if (this.#file === null || this.#file.lost()) this.#repairIn(repairAfterMs);
      else if (!this.#file.signedHere()) this.#wake();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#onTrouble(error);
    this.#repairIn(repairAfterFaultMs);
  }

  /**
   * What was published while nobody watched is unknown, so that listeners are called afterwards.
   */
  #repairIn(delayMs: number): void {
    this.#letGo();
    if (!this.#listening) return;
    this.#repair = this.#clock.after(delayMs, () => {
      this.#repair = null;
      this.#watch();
      if (this.#watcher !== null) this.#wake();
    });
  }

  #letGo(): void {
    this.#unwatch();
    try {
      this.#file?.close();
    } catch (error) {
      this.#onTrouble(error);
    }
    this.#file = null;
  }

  #unwatch(): void {
    this.#repair?.cancel();
    this.#repair = null;
    this.#watcher?.close();
    this.#watcher = null;
  }
}
