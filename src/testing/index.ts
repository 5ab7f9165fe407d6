/**
 * The testing kit `holdfast/testing`: time that you move, chance that a seed replays, stores and
 * wake-ups that misbehave, and a runtime in memory that skips time.
 */
export { type BusFaultPlan, faultyBus, type WakeUpFault } from './faulty-bus.ts';
export {
  type AroundCall,
  faultyStore,
  type StoreCall,
  type StoreFault,
  type StoreFaultPlan,
  type StoreVerb,
  wrapStore,
} from './faulty-store.ts';
export { type SeededRandom, seededRandom } from './seeded-random.ts';
export {
  type ClockView,
  SimulatedClock,
  type SimulatedClockOptions,
  settle,
} from './simulated-clock.ts';
export {
  type IdleOptions,
  type TestRuntime,
  type TestRuntimeOptions,
  testRuntime,
} from './test-runtime.ts';
