/**
 * Owns what comes to durable runs from outside: events, some of them told twice, and decisions of
 * whoever has the token. Some waits get nothing, and end by their time.
 *
 * V1 Everything is told to the ledger as it was asked and answered. What has no known end is sent
 *    again, a few times: an event under its id is one, and a decision is made once.
 */
import type { Holdfast } from 'holdfast';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { WorkInput } from './functions.ts';
import type { Answer, Ask } from './ledger.ts';
import { pause } from './pause.ts';
import { type Deed, eventName, programOf, signalName } from './saga.ts';

/** Asks once, and gives what came of it. */
export type AskOnce = <Reply>(
  ask: Ask,
  act: () => Promise<Reply>,
  tell: (reply: Reply) => Answer,
) => Promise<Answer>;

/** Whose run is driven. */
export interface Driven {
  readonly hf: Holdfast;
  readonly random: SeededRandom;
  readonly id: string;
  readonly input: WorkInput;
  readonly ask: AskOnce;
}

const share = 0.75;
const lateMsMax = 1_800;
const triesMax = 8;
const lookMs = 60;
const hearMs = 3_000;
const hearsMax = 4;
/** A little longer than the longest wait may begin after the start of its run. */
const looksMax = 60;

/** Tells a run what it waits for, or not. Never rejects. */
export async function drive(driven: Driven): Promise<void> {
  const deeds = programOf(driven.input.salt).flat();
  const events = deeds.filter(({ does }) => does === 'event' && driven.random.chance(share));
  const asked = deeds.filter(({ does }) => does === 'approval' && driven.random.chance(share));
  const told = deeds.filter(({ does }) => does === 'signal' && driven.random.chance(share));
  await Promise.all([
    ...events.map((deed) => emit(driven, deed)),
    ...told.map((_, nth) => signal(driven, nth)),
    decide(driven, asked),
  ]);
}

/** Sends until the end is known. */
async function untilKnown(send: () => Promise<Answer>, random: SeededRandom): Promise<void> {
  for (let left = triesMax; left > 0; left -= 1) {
    if (!('fault' in (await send()))) return;
    await pause(random.between(50, 400));
  }
}

async function emit({ hf, random, id, input, ask }: Driven, { key }: Deed): Promise<void> {
  const data = { run: id, key };
  const options = { id: `${id}/${key}`, tenant: input.tenant };
  const send = (): Promise<Answer> =>
    ask(
      { verb: 'emit', id, key },
      () => hf.emit(eventName, data, options),
      () => ({ emitted: true }),
    );
  await pause(random.int(lateMsMax));
  await untilKnown(send, random);
  if (random.chance(0.2)) await send();
}

/** Sends a signal, perhaps twice, and asks for its answer once or twice. */
async function signal({ hf, random, id, ask }: Driven, nth: number): Promise<void> {
  const name = `${id}/told-${nth}`;
  const send = (): Promise<Answer> =>
    ask(
      { verb: 'signal', id, signal: name },
      () => hf.runs.signal(id, signalName, { nth }, { id: name }),
      () => ({ signalled: true }),
    );
  const hear = (): Promise<Answer> =>
    ask(
      { verb: 'hear', id, signal: name },
      () => hf.runs.answer(id, name, { timeoutMs: hearMs }),
      (answer) => ({ heard: JSON.stringify(answer) }),
    );
  await pause(random.int(lateMsMax));
  await untilKnown(send, random);
  if (random.chance(0.3)) await send();
  for (let left = hearsMax; left > 0; left -= 1) if ('heard' in (await hear())) break;
  if (random.chance(0.3)) await hear();
}

/** Looks for open waits, and decides each of those that are asked for. */
async function decide(driven: Driven, deeds: readonly Deed[]): Promise<void> {
  const { hf, random, id, ask } = driven;
  const left = new Set(deeds.map(({ key }) => key));
  for (let looks = looksMax; left.size > 0 && looks > 0; looks -= 1) {
    const page = await hf.runs.steps(id).catch(() => null);
    for (const { key, token, state } of page?.steps ?? []) {
      if (!left.has(key) || token === null || state !== 'waiting') continue;
      left.delete(key);
      const said = random.chance(0.5) ? 'approved' : 'rejected';
      const verb = said === 'approved' ? 'approve' : 'reject';
      const send = (): Promise<Answer> =>
        ask(
          { verb: 'decide', id, key, state: said },
          () => hf.approvals[verb](token, { by: 'chaos' }),
          () => ({ decided: true }),
        );
      await untilKnown(send, random);
    }
    await pause(lookMs);
  }
}
