/**
 * Owns the end of calls that the machine of Lua itself does not end in time.
 *
 * T1 The machine comes first, as it knows the line. A while later the call is ended from here, with
 *    the line at which it was seen last.
 */
import type { Clock, Timer } from '../../../ports/clock.ts';
import type { VmWord } from '../wire.ts';
import type { LuaLink } from './lua-link.ts';

const afterMs = 200;

/** The words of one VM on their way out. */
export class LuaTime {
  readonly #clock: Clock;
  readonly #timeMs: number;
  readonly #link: Pick<LuaLink, 'lastLine'>;
  readonly #say: (word: VmWord) => void;
  #timer: Timer | null = null;

  constructor(
    clock: Clock,
    timeMs: number,
    link: Pick<LuaLink, 'lastLine'>,
    say: (word: VmWord) => void,
  ) {
    this.#clock = clock;
    this.#timeMs = timeMs;
    this.#link = link;
    this.#say = say;
  }

  hear(word: VmWord): void {
    if (word.word === 'began') this.#arm(word.call);
    if (word.word === 'done' || word.word === 'failed') this.end();
    this.#say(word);
  }

  /** Nothing is under way any more. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(call: number): void {
    this.end();
    this.#timer = this.#clock.after(this.#timeMs + afterMs, () => {
      const line = this.#link.lastLine();
      this.#say({ word: 'failed', call, fault: { kind: 'time', message: '', line }, clean: false });
    });
  }
}
