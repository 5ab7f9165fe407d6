/**
 * Owns a memory store whose time is moved by hand, with the words of the contract around it.
 */
import { monoMs, type WallMs, wallMs } from '../../src/core/time.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import { Scene } from '../contract/store/scene.ts';

/** A scene, its memory store, and the hand on its clock. */
export interface HandWorld {
  readonly scene: Scene;
  readonly store: MemoryStore;
  readonly now: () => WallMs;
  /** Moves both clocks. */
  readonly pass: (ms: number) => void;
  /** Moves the wall clock alone, as somebody who sets it does. */
  readonly step: (ms: number) => void;
  /** The row of a run as it is stored. */
  readonly row: (id: string | undefined) => RunRow;
}

/** Opens a new, empty store. */
export function openHandWorld(): HandWorld {
  let wall = 1_700_000_000_000;
  let mono = 1_000_000;
  const clock: Clock = {
    wall: () => wallMs(wall),
    mono: () => monoMs(mono),
    after: () => ({ cancel() {} }),
    turn: () => ({ cancel() {} }),
  };
  const store = createMemoryStore({ clock });
  const scene = new Scene({
    store,
    connect: async () => store.viewFor(clock),
    now: clock.wall,
    pass: async () => {},
    close: () => store.close(),
  });
  return {
    scene,
    store,
    now: clock.wall,
    pass(ms) {
      wall += ms;
      mono += ms;
    },
    step(ms) {
      wall += ms;
    },
    row(id) {
      const found = store.rows().find((row) => row.id === id);
      if (found === undefined) throw new Error(`no row for ${id}`);
      return found;
    },
  };
}
