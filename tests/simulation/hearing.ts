/**
 * Owns who of the auditors hears of which call of the store: right behind its commit, before the
 * answer goes anywhere.
 */
import type { Waking } from '../../src/ports/store.ts';
import type {
  DiscardItem,
  DiscardVerdict,
  RedriveItem,
  RedriveVerdict,
} from '../../src/ports/store-flow.ts';
import type { AppendItem } from '../../src/ports/store-parts.ts';
import type { ClaimReply, StartItem, StartVerdict } from '../../src/ports/store-runs.ts';
import type { SignalItem, SignalVerdict } from '../../src/ports/store-signals.ts';
import type { StoreCall } from '../../src/testing/index.ts';
import type { SimWorld } from './sim-world.ts';

/** What changes steps. */
const stepVerbs: ReadonlySet<string> = new Set([
  ...(['record', 'end', 'emit', 'answer', 'sweep', 'signal'] as const),
]);

/** Tells the auditors of a call and its reply. */
export async function hear(
  world: SimWorld,
  { verb, args: [items] }: StoreCall,
  reply: unknown,
): Promise<void> {
  switch (verb) {
    case 'start':
      world.flow.started(items as readonly StartItem[], told<StartVerdict>(reply));
      return;
    case 'claim':
      world.flow.claimed(reply as ClaimReply);
      return;
    case 'append':
      await world.parts.look((items as readonly AppendItem[]).map(({ seq }) => seq));
      return;
    case 'redrive':
      world.dead.redriven(items as readonly RedriveItem[], told<RedriveVerdict>(reply));
      return;
    case 'discard':
      world.dead.discarded(items as readonly DiscardItem[], told<DiscardVerdict>(reply));
      return;
    case 'signal':
      world.signals.signalled(items as readonly SignalItem[], told<SignalVerdict>(reply));
      break;
    default:
  }
  if (stepVerbs.has(verb)) await world.steps.look();
}

const told = <Verdict>(reply: unknown): readonly Verdict[] =>
  (reply as Waking<readonly Verdict[]>).reply;
