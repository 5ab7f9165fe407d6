/**
 * Owns what handlers do in the simulated world: everything that users' code does, decided by the
 * input and the attempt alone, so that a replay does the same whatever happened before.
 */
import { NonRetryableError, RetryAtError } from '../../src/core/handler-error.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type SeededRandom, seededRandom } from '../../src/testing/index.ts';
import type { Execution, Ledger } from './ledger.ts';
import { simPart } from './part-audit.ts';

/** What a run is started with. */
export interface SimInput {
  readonly dice: number;
}

/** How one attempt goes. */
type Deed =
  | 'at-once'
  | 'work'
  | 'long'
  | 'fail'
  | 'never-again'
  | 'again-later'
  | 'throw-nothing'
  | 'throw-odd'
  | 'hang'
  | 'stubborn'
  | 'not-json'
  | 'too-large';

const deeds: readonly Deed[] = [
  ...(['at-once', 'at-once', 'work', 'work', 'work', 'work', 'long'] as const),
  ...(['fail', 'fail', 'never-again', 'again-later', 'throw-nothing', 'throw-odd'] as const),
  ...(['hang', 'stubborn', 'not-json', 'too-large'] as const),
];

const tooLargeChars = 1_100_000;

const wait = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });

/** Waits, and gives up with the signal's reason. */
export const waitOrStop = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = clock.after(ms, resolve);
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/** An object whose every look at it throws. */
const untouchable = (): unknown =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('do not look');
      },
    },
  );

/** Carries one attempt out. */
export async function behave(
  input: SimInput,
  ctx: RunContext,
  { clock, ledger, execution }: { clock: Clock; ledger: Ledger; execution: Execution },
): Promise<unknown> {
  const random = seededRandom(input.dice * 1_000 + ctx.attempt);
  // Whatever a run does at first, it mends in the end: else nothing would ever succeed.
  const deed = ctx.attempt > 4 ? 'work' : random.pick(deeds);
  chatter(random, input, ctx);
  void babble(input, ctx, clock).catch(() => {});
  switch (deed) {
    case 'at-once':
      break;
    case 'work':
      await waitOrStop(clock, random.between(1, 2_500), ctx.signal);
      break;
    case 'long':
      await waitOrStop(clock, random.between(4_000, 15_000), ctx.signal);
      break;
    case 'hang':
      await waitOrStop(clock, random.between(20_000, 60_000), ctx.signal);
      break;
    case 'stubborn':
      await wait(clock, random.between(2_000, 20_000));
      break;
    default:
      await waitOrStop(clock, random.between(0, 800), ctx.signal);
      return misbehave(deed, clock);
  }
  if (ctx.signal.aborted) throw ctx.signal.reason;
  ledger.effect(execution);
  return { fence: ctx.fence, attempt: ctx.attempt };
}

/** One run in many talks so much in each of its attempts that no bound of one attempt holds it. */
function chatter(random: SeededRandom, input: SimInput, ctx: RunContext): void {
  if (random.chance(0.2)) ctx.progress({ share: random.next() });
  const lines = input.dice % 40 === 0 ? 700 : random.chance(0.2) ? random.between(1, 5) : 0;
  for (let n = 0; n < lines; n += 1) ctx.log.info(`line ${n}`, { n });
}

/** Some runs make a stream, for as long as they go on. */
async function babble({ dice }: SimInput, ctx: RunContext, clock: Clock): Promise<void> {
  if (dice % 5 !== 0) return;
  const random = seededRandom(dice * 3_000 + ctx.attempt);
  const most = random.between(1, 60);
  for (let n = 0; n < most; n += 1) {
    ctx.emit(simPart(ctx.attempt, n));
    if (random.chance(0.5)) await waitOrStop(clock, random.between(0, 80), ctx.signal);
    if (random.chance(0.05)) await ctx.emit.drained();
  }
}

function misbehave(deed: Deed, clock: Clock): unknown {
  switch (deed) {
    case 'never-again':
      throw new NonRetryableError('no use in trying', { code: 'sim.hopeless' });
    case 'again-later':
      throw new RetryAtError('later', { at: clock.wall() + 1_500 });
    case 'throw-nothing':
      throw undefined;
    case 'throw-odd':
      throw untouchable();
    case 'not-json':
      return { large: 1n };
    case 'too-large':
      return 'x'.repeat(tooLargeChars);
    default:
      throw Object.assign(new Error('it failed'), { code: 'sim.failed' });
  }
}
