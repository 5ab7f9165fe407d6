/**
 * Owns a store whose payloads are sealed: everything that is written through it is sealed before
 * the store sees it, and what is read is opened.
 *
 * Y1 Each verb is named here: a verb that is new in the port does not compile before somebody has
 *    thought of what it carries.
 * Y2 A cipher that answers at once costs no turn: the verb of the store is called in the same one.
 * Y3 Asking again for the same is answered as before, though it is sealed anew: what the store
 *    takes for something else is compared in the open.
 */
import { HoldfastError } from '../../core/errors.ts';
import { utf8Bytes } from '../../core/payload.ts';
import type { Store, Waking, Woken } from '../../ports/store.ts';
import type { ChildrenPage } from '../../ports/store-family.ts';
import type { AppendItem, PartsAsk, PartsPage } from '../../ports/store-parts.ts';
import type { EndItem, EndVerdict, StartItem, StartVerdict } from '../../ports/store-runs.ts';
import type {
  EventItem,
  EventVerdict,
  RecordItem,
  RecordVerdict,
  StepRow,
} from '../../ports/store-steps.ts';
import { sameJson } from '../../store/verbs/start.ts';
import { type Sealer, spotOfInput, spotOfStart } from './sealer.ts';
import { sealingSignals } from './sealing-signals.ts';
import { all, go } from './soon.ts';

/** The store, with a sealer before it. */
export function sealingStore(store: Store, sealer: Sealer): Store {
  return {
    ...written(store, sealer),
    ...sealingSignals(store, sealer),
    ...read(store, sealer),
    ...untouched(store),
    kind: store.kind,
  };
}

type Written = 'start' | 'end' | 'note' | 'append' | 'record' | 'emit' | 'answer' | 'signal';
type Read =
  | ('claim' | 'get' | 'list' | 'dead' | 'ends' | 'explain' | 'logs' | 'steps' | 'parts')
  | ('answers' | 'state')
  | 'children';

/** A start as the store gets it. */
export const sealedStart = (sealer: Sealer, item: StartItem) => {
  const same = item.idempotent ? JSON.stringify([item.fn, item.id]) : null;
  return go(sealer.seal(item.input, 'input', spotOfStart(item), same), (input) => ({
    ...item,
    input,
  }));
};

function written(store: Store, sealer: Sealer): Pick<Store, Exclude<Written, 'signal'>> {
  return {
    async start(items) {
      const sealed = all(items, (item) => sealedStart(sealer, item));
      const call = store.start(sealed instanceof Promise ? await sealed : sealed);
      return comparedStarts(store, sealer, items, await call);
    },
    async end(items) {
      const sealed = all(items, (item) =>
        go(
          sealer.sealEnd(item.end, () => idOf(item)),
          (end) => ({ ...item, end }),
        ),
      );
      const { reply, woken } = await store.end(sealed instanceof Promise ? await sealed : sealed);
      return { reply: await openedEnds(sealer, items, reply), woken };
    },
    async note(items) {
      const sealed = all(items, (item) => sealer.sealNote(item, idOf(item)));
      return store.note(sealed instanceof Promise ? await sealed : sealed);
    },
    async append(items) {
      const sealed = all(items, (item) => sealedParts(sealer, item));
      return store.append(sealed instanceof Promise ? await sealed : sealed);
    },
    async record(items) {
      const sealed = all(items, (item) =>
        go(
          all(item.writes, (write) => sealer.sealWrite(write, idOf(item))),
          (writes) => ({
            ...item,
            writes,
          }),
        ),
      );
      const call = store.record(sealed instanceof Promise ? await sealed : sealed);
      const { reply, woken } = await call;
      return { reply: await openedRecords(store, sealer, items, reply), woken };
    },
    async emit(items) {
      const sealed = all(items, (item) => sealer.sealEvent(item));
      const call = store.emit(sealed instanceof Promise ? await sealed : sealed);
      return comparedEvents(store, sealer, items, await call);
    },
    async answer(items) {
      const sealed = all(items, (item) =>
        go(sealer.seal(item.value, 'decision', { of: item.token }), (value) => ({
          ...item,
          value,
        })),
      );
      return store.answer(sealed instanceof Promise ? await sealed : sealed);
    },
  };
}

/** Whose an item of an owner is. Stores go by its number; what is sealed is sealed for its id. */
function idOf(item: { readonly id?: string } | undefined): string {
  if (item?.id !== undefined) return item.id;
  throw new HoldfastError('internal.defect', 'an item that is to be sealed does not name its run');
}

async function openedEnds(
  sealer: Sealer,
  items: readonly EndItem[],
  reply: readonly EndVerdict[],
): Promise<readonly EndVerdict[]> {
  const verdicts: EndVerdict[] = [];
  for (const [at, verdict] of reply.entries()) {
    if (!verdict.ok || verdict.outcome === null) verdicts.push(verdict);
    else {
      const outcome = await sealer.openOutcome(verdict.outcome, items[at]?.id ?? null);
      verdicts.push({ ...verdict, outcome });
    }
  }
  return verdicts;
}

async function openedRecords(
  store: Store,
  sealer: Sealer,
  items: readonly RecordItem[],
  reply: readonly RecordVerdict[],
): Promise<readonly RecordVerdict[]> {
  const verdicts: RecordVerdict[] = [];
  for (const [at, verdict] of reply.entries()) {
    if (!verdict.ok) verdicts.push(verdict);
    else {
      const steps = await openedSteps(store, sealer, idOf(items[at]), verdict.steps);
      verdicts.push({ ...verdict, steps });
    }
  }
  return verdicts;
}

/** Opens steps of a run. Only what may have been copied asks the store whether it was. */
async function openedSteps<Row extends StepRow | null>(
  store: Store,
  sealer: Sealer,
  id: string,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const strange = rows.some((row) => row !== null && sealer.isStrange(row, id));
  const copied = strange && ((await store.get(id))?.retryOf ?? null) !== null;
  return all(rows, (row) => (row === null ? row : (sealer.openStep(row, id, copied) as Row)));
}

/** Parts that are kept together are sealed together; what they take is what is kept. */
const sealedParts = (sealer: Sealer, item: AppendItem) =>
  item.content === null
    ? item
    : go(sealer.seal(item.content, 'parts', { of: idOf(item) }), (content) => ({
        ...item,
        content,
        bytes: utf8Bytes(content),
      }));

/** Y3: sealed by another key, in the open, or written in another order. */
async function comparedStarts(
  store: Store,
  sealer: Sealer,
  items: readonly StartItem[],
  { reply, woken }: Waking<readonly StartVerdict[]>,
): Promise<Waking<readonly StartVerdict[]>> {
  const verdicts: StartVerdict[] = [];
  for (const [at, verdict] of reply.entries()) {
    const item = items[at];
    const unclear = !verdict.ok && verdict.code === 'run.conflict' && item !== undefined;
    verdicts.push(unclear ? await compared(store, sealer, item, verdict) : verdict);
  }
  return { reply: verdicts, woken };
}

async function compared(
  store: Store,
  sealer: Sealer,
  item: StartItem,
  verdict: StartVerdict,
): Promise<StartVerdict> {
  const kept = await store.get(item.id);
  if (kept === null || kept.fn !== item.fn) return verdict;
  const same = sameJson(await sealer.open(kept.input, 'input', spotOfInput(kept)), item.input);
  return same ? { ok: true, id: item.id, created: false } : verdict;
}

/** Y3: an event cannot be read, so it is asked for as it may have been sealed before. */
async function comparedEvents(
  store: Store,
  sealer: Sealer,
  items: readonly EventItem[],
  first: Waking<readonly EventVerdict[]>,
): Promise<Waking<readonly EventVerdict[]>> {
  let { woken } = first;
  const verdicts: EventVerdict[] = [];
  for (const [at, verdict] of first.reply.entries()) {
    const item = items[at];
    let found = verdict;
    if (!verdict.ok && verdict.code === 'event.conflict' && item !== undefined) {
      for (const earlier of await sealer.earlierEvents(item)) {
        const again = await store.emit([earlier]);
        woken = either(woken, again.woken);
        const [told] = again.reply;
        if (!told?.ok) continue;
        found = told;
        break;
      }
    }
    verdicts.push(found);
  }
  return { reply: verdicts, woken };
}

const either = (a: Woken, b: Woken): Woken => ({
  ready: a.ready || b.ready,
  stop: a.stop || b.stop,
  done: a.done || b.done,
});

function read(store: Store, sealer: Sealer): Pick<Store, Exclude<Read, 'answers' | 'state'>> {
  return {
    async claim(ask) {
      const reply = await store.claim(ask);
      if (!reply.ok) return reply;
      const runs = await all(reply.runs, (run) =>
        go(sealer.open(run.input, 'input', spotOfInput(run)), (input) => ({ ...run, input })),
      );
      return { ...reply, runs };
    },
    async get(id) {
      const detail = await store.get(id);
      return detail === null ? null : sealer.openDetail(detail);
    },
    async list(ask) {
      const page = await store.list(ask);
      return { ...page, runs: await all(page.runs, (view) => sealer.openView(view)) };
    },
    async dead(ask) {
      const page = await store.dead(ask);
      return { ...page, runs: await all(page.runs, (view) => sealer.openView(view)) };
    },
    async ends(ids) {
      const page = await store.ends(ids);
      return { ...page, ended: await all(page.ended, (end) => sealer.openRunEnd(end)) };
    },
    async explain(id) {
      const facts = await store.explain(id);
      if (facts === null) return null;
      const run = await sealer.openView(facts.run);
      const laneHolders = await all(facts.laneHolders, (view) => sealer.openView(view));
      return { ...facts, run, laneHolders };
    },
    async logs(id, after, linesMax, filter) {
      const page = await store.logs(id, after, linesMax, filter);
      if (page === null) return null;
      return { ...page, lines: await all(page.lines, (line) => sealer.openLine(line, id)) };
    },
    async steps(id, after, rowsMax) {
      const page = await store.steps(id, after, rowsMax);
      if (page === null) return null;
      const steps = await openedSteps(store, sealer, id, page.steps);
      return { ...page, steps };
    },
    children: async (ask) => openedChildren(sealer, await store.children(ask)),
    parts: async (asks) => openedParts(sealer, asks, await store.parts(asks)),
  };
}

async function openedChildren(
  sealer: Sealer,
  page: ChildrenPage | null,
): Promise<ChildrenPage | null> {
  if (page === null) return null;
  const children = await all(page.children, (child) =>
    go(sealer.openOrNull(child.result, 'result', { of: child.id }), (result) =>
      go(sealer.openOutcome(child.outcome, child.id), (outcome) => ({ ...child, result, outcome })),
    ),
  );
  return { ...page, children };
}

async function openedParts(
  sealer: Sealer,
  asks: readonly PartsAsk[],
  pages: readonly (PartsPage | null)[],
): Promise<readonly (PartsPage | null)[]> {
  const opened: (PartsPage | null)[] = [];
  for (const [at, page] of pages.entries()) {
    if (page === null) {
      opened.push(null);
      continue;
    }
    const blocks = await all(page.blocks, (block) =>
      go(sealer.open(block.content, 'parts', { of: asks[at]?.id ?? null }), (content) => ({
        ...block,
        content,
      })),
    );
    opened.push({ ...page, blocks });
  }
  return opened;
}

/** These carry nothing that is sealed. */
function untouched(store: Store): Omit<Store, Written | Read | 'kind'> {
  return {
    settled: (node, items) => store.settled(node, items),
    fork: (items) => store.fork(items),
    cancel: (items) => store.cancel(items),
    retry: (items) => store.retry(items),
    repin: (items) => store.repin(items),
    redrive: (items) => store.redrive(items),
    discard: (items) => store.discard(items),
    sweep: (rowsMax) => store.sweep(rowsMax),
    prune: (retention, rowsMax) => store.prune(retention, rowsMax),
    pause: (kind, key, reason) => store.pause(kind, key, reason),
    resume: (kind, key) => store.resume(kind, key),
    setTenant: (change) => store.setTenant(change),
    join: (card) => store.join(card),
    keepAlive: (ask) => store.keepAlive(ask),
    drain: (node) => store.drain(node),
    leave: (node) => store.leave(node),
    recover: (node, evidence, rowsMax) => store.recover(node, evidence, rowsMax),
    stops: (node) => store.stops(node),
    owned: (node, rowsMax) => store.owned(node, rowsMax),
    nodes: () => store.nodes(),
    lanes: (rowsMax) => store.lanes(rowsMax),
    tenants: (rowsMax, only) => store.tenants(rowsMax, only),
    pauses: () => store.pauses(),
    counts: () => store.counts(),
    pinned: (rowsMax) => store.pinned(rowsMax),
    examine: () => store.examine(),
    putKey: (key) => store.putKey(key),
    keys: () => store.keys(),
    revokeKey: (id) => store.revokeKey(id),
    touchKey: (id) => store.touchKey(id),
    secret: (name, proposed) => store.secret(name, proposed),
    close: () => store.close(),
  };
}
