/**
 * Owns the places that calls pass on their way to a slot: lane, function, tenant, then the fair
 * order in which slots are given out.
 *
 * P1 The order of gates is the same for all, and nobody goes back: no two wait for each other.
 * P2 A gate that nobody uses is forgotten. Some free lanes are kept for a while, since to delete a
 *    key of a map and to set it again costs more than the call.
 * P3 The rank is fixed when a call begins to wait for a slot, by the order that runs have, too.
 * P4 Whoever is let in at its last gate while slots are free has one at once.
 */
import { Gate, type Passer } from '../../core/call/gate.ts';
import { ReadyQueue } from '../../core/call/ready-queue.ts';
import { HoldfastError } from '../../core/errors.ts';
import { advance, place, type ShareClock, shareClockStart, unplace } from '../../core/rank.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallRecord } from './call-record.ts';
import { type CallTenantTerms, TenantGate } from './tenant-gate.ts';

/** Free lanes that are kept. */
const idleLanesMax = 1_024;
/** Tenants that are remembered for the turns that they have used up. */
const tenantsMax = 10_000;
const gates = 3;
/** In place of its place in the order: it has its slot, and begins next. */
const hasSlot = -2;

/** What bounds the places. */
export interface PlaceSettings {
  readonly slots: number;
  readonly tenantTerms: (tenant: string) => CallTenantTerms;
}

/** Lines, and who stands in them. */
export class Places {
  readonly #clock: Clock;
  readonly #settings: PlaceSettings;
  readonly #lanes = new Map<string, Gate>();
  readonly #idle: Gate[] = [];
  #idleAt = 0;
  readonly #tenants = new Map<string, TenantGate>();
  readonly #ready = new ReadyQueue<CallRecord>();
  /** P4, and how far they have begun. */
  #direct: CallRecord[] = [];
  #directAt = 0;
  #share: ShareClock;
  #order = 0;
  #busy = 0;
  #lanesInUse = 0;

  constructor(clock: Clock, settings: PlaceSettings) {
    this.#clock = clock;
    this.#settings = settings;
    this.#share = shareClockStart(clock.wall());
  }

  /** Slots with code in them. */
  get busy(): number {
    return this.#busy;
  }

  /** Lanes that somebody holds or waits for. */
  get lanesInUse(): number {
    return this.#lanesInUse;
  }

  /** Tenants that are remembered. */
  get tenantsKnown(): number {
    return this.#tenants.size;
  }

  lanes(): Iterable<Gate> {
    return this.#lanes.values();
  }

  /** Puts a call in line. It has its slot and `begins`, or it `waits`, or there is no room. */
  join(call: CallRecord): 'begins' | 'waits' | HoldfastError {
    const { place: wanted } = call;
    if (wanted === null) throw new HoldfastError('internal.defect', 'a call without a place');
    if (wanted.lane !== null) {
      if (this.#lanes.get(wanted.lane)?.quarantined === true) return quarantinedError(wanted.lane);
      const lane = this.#laneOf(wanted.lane);
      lane.width = wanted.laneWidth;
      call.lane = lane;
    }
    const tenant = this.#tenantOf(wanted.tenant);
    tenant.queued += 1;
    call.tenant = tenant;
    const passes = this.#pass(call);
    if (passes && this.#busy < this.#settings.slots && this.#ready.size === 0) {
      this.#take(call);
      return 'begins';
    }
    if (tenant.queued > tenant.terms.waitingMax) {
      // What it passed nobody waited for, so that nobody is let in by its going.
      this.leave(call);
      this.freePlaces(call);
      // It may be ended by its refusal later, and must not leave the same lines twice.
      call.tenant = null;
      call.lane = null;
      return tenantError(tenant);
    }
    if (passes) this.#rank(call);
    return 'waits';
  }

  /** The next call that may begin, with its slot; null: nobody, or no slot. */
  next(): CallRecord | null {
    const direct = this.#nextDirect();
    if (direct !== null) return direct;
    if (this.#busy >= this.#settings.slots) return null;
    const call = this.#ready.shift();
    if (call === null) return null;
    const turns = 1 / (call.tenant?.terms.weight ?? 1);
    const handed = { count: 1, tagMax: call.tag, turns };
    this.#share = advance(this.#share, handed, this.#ready.size > 0, this.#clock.wall());
    this.#take(call);
    return call;
  }

  /** Takes a call that has not begun out of the line that it stands in. */
  leave(call: CallRecord): void {
    if (call.tenant === null) return;
    if (call.slotAt === hasSlot) {
      call.slotAt = -1;
      this.#busy -= 1;
      return;
    }
    call.tenant.queued -= 1;
    if (call.waitsAt !== null) call.waitsAt.leave(call);
    else if (call.slotAt >= 0) {
      this.#ready.remove(call);
      call.tenant.turn = unplace(call.tenant.turn, call.tenant.terms.weight);
    }
  }

  /** The slot is free; its places may be held still. */
  freeSlot(): void {
    this.#busy -= 1;
  }

  /** Gives back what a call has passed, and lets others in. */
  freePlaces(call: CallRecord): void {
    const { passed, lane, tenant } = call;
    const { gate } = call.target;
    call.passed = 0;
    if (tenant !== null) {
      if (passed > 2) this.#free(tenant);
      if (tenant.idle && tenant.queued === 0) this.#forgetTenant(tenant);
    }
    if (gate !== null && passed > 1) this.#free(gate);
    if (lane === null) return;
    if (passed > 0) this.#free(lane);
    if (lane.idle) this.#restLane(lane);
  }

  #free(gate: Gate): void {
    gate.free();
    for (let one = gate.admit(); one !== null; one = gate.admit()) this.#admitted(one);
  }

  /** Whoever was let in at a gate goes on to the next ones, and then waits for a slot. */
  #admitted(passer: Passer): void {
    const call = passer as CallRecord;
    call.passed += 1;
    if (!this.#pass(call)) return;
    if (this.#busy >= this.#settings.slots || this.#ready.size > 0) {
      this.#rank(call);
      return;
    }
    // P4: it need not stand in an order in which nobody else stands.
    this.#take(call);
    call.slotAt = hasSlot;
    this.#direct.push(call);
  }

  /** Those that left the line meanwhile have no slot any more. */
  #nextDirect(): CallRecord | null {
    for (;;) {
      const call = this.#direct[this.#directAt];
      if (call === undefined) {
        if (this.#directAt > 0) this.#direct = [];
        this.#directAt = 0;
        return null;
      }
      this.#directAt += 1;
      if (call.slotAt !== hasSlot) continue;
      call.slotAt = -1;
      return call;
    }
  }

  /** P1. False: it waits at a gate. */
  #pass(call: CallRecord): boolean {
    for (; call.passed < gates; call.passed += 1) {
      const gate =
        call.passed === 0 ? call.lane : call.passed === 1 ? call.target.gate : call.tenant;
      if (gate === null || gate.enter()) continue;
      gate.wait(call);
      return false;
    }
    return true;
  }

  #take(call: CallRecord): void {
    this.#busy += 1;
    if (call.tenant !== null) call.tenant.queued -= 1;
  }

  /** P3 */
  #rank(call: CallRecord): void {
    const { tenant, place: wanted } = call;
    if (tenant === null || wanted === null) return;
    const { tag, rank, tenantTurn } = place(
      this.#share,
      tenant.turn,
      tenant.terms.weight,
      wanted.prioritySeconds,
    );
    tenant.turn = tenantTurn;
    call.tag = tag;
    call.rank = rank;
    this.#order += 1;
    call.order = this.#order;
    this.#ready.push(call);
  }

  #laneOf(key: string): Gate {
    const known = this.#lanes.get(key);
    if (known !== undefined) {
      if (known.idle) this.#lanesInUse += 1;
      return known;
    }
    this.#lanesInUse += 1;
    const made = new Gate(key, 1);
    this.#lanes.set(key, made);
    return made;
  }

  /** P2: a ring of the lanes that became free last. */
  #restLane(lane: Gate): void {
    this.#lanesInUse -= 1;
    if (lane.resting) return;
    lane.resting = true;
    const at = this.#idleAt;
    this.#idleAt = (at + 1) % idleLanesMax;
    const oldest = this.#idle[at];
    this.#idle[at] = lane;
    if (oldest === undefined) return;
    oldest.resting = false;
    if (oldest.idle) this.#lanes.delete(oldest.key);
  }

  #tenantOf(key: string): TenantGate {
    const known = this.#tenants.get(key);
    if (known !== undefined) return known;
    const made = new TenantGate(key, this.#settings.tenantTerms(key));
    this.#tenants.set(key, made);
    return made;
  }

  /** One that has used up more than its share is remembered for it, within a bound. */
  #forgetTenant(tenant: TenantGate): void {
    if (tenant.turn > this.#share.turn && this.#tenants.size <= tenantsMax) return;
    if (tenant.key !== 'default') this.#tenants.delete(tenant.key);
  }
}

function quarantinedError(lane: string): HoldfastError {
  const message = `the lane '${lane}' is held by code that ignores that its call is over`;
  return new HoldfastError('call.quarantined', message, { details: { lane } });
}

function tenantError({ key: tenant, queued }: TenantGate): HoldfastError {
  const message = `the tenant '${tenant}' has ${queued} calls that wait, as many as it may`;
  return new HoldfastError('tenant.full', message, { details: { tenant } });
}
