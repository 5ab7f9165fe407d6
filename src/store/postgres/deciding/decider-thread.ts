/**
 * Owns the thread that decides: the entry point of a worker, started by `threadDecider` only.
 *
 * T1 It has connections of its own, made when they are needed. What is asked is decided as it
 *    comes, several at a time as far as there are connections.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { HoldfastError } from '../../../core/errors.ts';
import { type AddressSecret, parsePostgresAddress } from '../../../system/postgres/address.ts';
import { type SentFault, sendFault } from '../../sent-fault.ts';
import { Policies } from '../policies.ts';
import { Pool } from '../pool.ts';
import { quoted } from '../quoted.ts';
import { type ArgsOf, type DecidedName, directDecider } from './decider.ts';
import type { Wants } from './loaded.ts';

/** What the thread is started with. Never by arguments or environment, which others can read. */
export interface DeciderSetup {
  readonly address: AddressSecret;
  readonly schema: string;
  readonly durability: 'full' | 'relaxed';
  readonly connectionsMax: number;
  readonly busyPatienceMs: number;
}

/** To the thread. */
export type DeciderOrder =
  | {
      readonly order: 'decide';
      readonly id: number;
      readonly name: DecidedName;
      readonly wants: Wants;
      readonly args: readonly unknown[];
    }
  | { readonly order: 'inbox'; readonly id: number }
  | { readonly order: 'close' };

/** From the thread. */
export type DeciderWord =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly fault: SentFault };

const setup = workerData as DeciderSetup;
const { schema, durability, connectionsMax, busyPatienceMs } = setup;
const address = parsePostgresAddress(setup.address.text, setup.address.env);
const pool = new Pool({
  ...{ address, schema, durability, connectionsMax, busyPatienceMs },
  role: 'decide',
  onIdleFault: () => {},
});
const s = quoted(schema);
const decider = directDecider({ pool, s, policies: new Policies(s), busyPatienceMs });

const say = (word: DeciderWord): void => parentPort?.postMessage(word);

async function answer(id: number, work: Promise<unknown>): Promise<void> {
  try {
    say({ id, ok: true, value: await work });
  } catch (error) {
    const known = error instanceof HoldfastError;
    const fault = known
      ? error
      : new HoldfastError('internal.defect', String(error), { cause: error });
    say({ id, ok: false, fault: sendFault(fault) });
  }
}

parentPort?.on('message', (order: DeciderOrder) => {
  if (order.order === 'close') {
    parentPort?.close();
    void pool.close();
  } else if (order.order === 'inbox') {
    void answer(order.id, decider.acceptInbox());
  } else {
    const args = order.args as ArgsOf<typeof order.name>;
    void answer(order.id, decider.decide(order.name, order.wants, args as never));
  }
});
