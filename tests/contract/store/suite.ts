/**
 * The contract of `Store`: what every adapter must do. Each test has a store of its own, and ends
 * with a look from outside at whether every run holds exactly the places that it should.
 *
 * Nothing here sleeps. Where time has to pass, a test waits for what time brings about, with delays
 * so short that the real clock will do; an adapter on a simulated clock moves it between two looks.
 */
import { describe, it } from 'node:test';
import type { WallMs } from '../../../src/core/time.ts';
import type { Store } from '../../../src/ports/store.ts';
import { cancelling } from './cancelling.ts';
import { claiming } from './claiming.ts';
import { cleaningUp } from './cleaning-up.ts';
import { closing } from './closing.ts';
import { crashing } from './crashing.ts';
import { deadLetters } from './dead-letters.ts';
import { ending } from './ending.ts';
import { explaining } from './explaining.ts';
import { families } from './families.ts';
import { familyClosing } from './family-closing.ts';
import { flow } from './flow.ts';
import { forking } from './forking.ts';
import { keys } from './keys.ts';
import { laneChanges } from './lane-changes.ts';
import { lanes } from './lanes.ts';
import { lingering } from './lingering.ts';
import { nodes } from './nodes.ts';
import { noting } from './noting.ts';
import { overdue } from './overdue.ts';
import { parking } from './parking.ts';
import { parts } from './parts.ts';
import { payloads } from './payloads.ts';
import { pinning } from './pinning.ts';
import { pruning } from './pruning.ts';
import { reading } from './reading.ts';
import { restarting } from './restarting.ts';
import { retrying } from './retrying.ts';
import { Scene } from './scene.ts';
import { sharing } from './sharing.ts';
import { signals } from './signals.ts';
import { starting } from './starting.ts';
import { startingAgain } from './starting-again.ts';
import { steps } from './steps.ts';
import { tenants } from './tenants.ts';
import { waits } from './waits.ts';

/** One store, and what a test needs around it. */
export interface StoreWorld {
  readonly store: Store;
  /**
   * The same store through a connection of its own, as another process has it. Closed by the world.
   */
  connect(): Promise<Store>;
  /** Wall time by the store's clock. */
  now(): WallMs;
  /** Called between two looks of a test that waits: lets a little time pass. */
  pass(): Promise<void>;
  /** Closes every connection and takes away what the store left behind. */
  close(): Promise<void>;
}

/** Makes worlds with an empty store. */
export interface StoreAdapter {
  readonly name: string;
  open(): Promise<StoreWorld>;
}

/** Adds one test to the contract. */
export type Contract = (title: string, body: (scene: Scene) => Promise<void>) => void;

const themes: Readonly<Record<string, (contract: Contract) => void>> = {
  'starting runs': starting,
  'starting again under an id': startingAgain,
  'handing runs out': claiming,
  'sharing between tenants': sharing,
  lanes,
  'changes of a lane': laneChanges,
  'limits of tenants': tenants,
  'ending attempts': ending,
  'trying again': retrying,
  cancelling,
  'cleaning up after a cancel': cleaningUp,
  'deadlines and owners that do not end': overdue,
  'code that goes on': lingering,
  nodes,
  'owners that die': crashing,
  'second lives': restarting,
  'progress and logs': noting,
  parts,
  steps,
  'waits and events': waits,
  parking,
  signals,
  forking,
  'pins to versions': pinning,
  'flow control': flow,
  'dead letters': deadLetters,
  families,
  'families that come to an end': familyClosing,
  pruning,
  reading,
  explaining,
  payloads,
  'access keys': keys,
  closing,
};

/** Tests of one theme at once: opening a store is partly waiting. */
const concurrency = 3;
const timeout = 60_000;

/** The contract, on one adapter. */
export function storeContract(adapter: StoreAdapter): void {
  for (const [name, theme] of Object.entries(themes)) {
    describe(`the store contract on ${adapter.name}: ${name}`, { concurrency }, () => {
      theme((title, body) => {
        it(title, { timeout }, async () => {
          const world = await adapter.open();
          try {
            const scene = new Scene(world);
            await body(scene);
            await scene.nothingIsWrong();
          } finally {
            await world.close();
          }
        });
      });
    });
  }
}
