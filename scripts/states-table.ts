/**
 * Writes the generated parts of docs/reference/states.md: the graph and the table of the state
 * machine of a run, found by walking every state and every event of scripts/states-walk.ts.
 *
 *   npm exec -- node --conditions=holdfast-source scripts/states-table.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunEffect, RunRefusal, RunStep } from '../src/core/execution/event.ts';
import type { QueuedRun, Run } from '../src/core/execution/run.ts';
import { transition } from '../src/core/execution/transition.ts';
import { fenceNext } from '../src/core/fence.ts';
import type { Shape } from './states-walk.ts';
import { events, fence, now, states, termsGenerous } from './states-walk.ts';

/** How to write the generated parts again; the test names it when they differ. */
export const rewriteCommand =
  'npm exec -- node --conditions=holdfast-source scripts/states-table.ts';

const document = fileURLToPath(new URL('../docs/reference/states.md', import.meta.url));

/** One line of the table: what one event does in one state, under one condition. */
export interface Row {
  readonly state: string;
  readonly event: string;
  readonly when: string;
  readonly answer: { readonly refusal: RunRefusal } | Taken;
}

interface Taken {
  readonly next: string;
  readonly counts: string;
  readonly effects: string;
}

/** The whole walk, in the order of the document. */
export function walk(): readonly Row[] {
  return Object.entries(states).flatMap(([state, runs]) =>
    Object.entries(events).flatMap(([event, shapes]) => rowsOf(state, runs, event, shapes)),
  );
}

function rowsOf(
  state: string,
  runs: readonly Run[],
  event: string,
  shapes: readonly Shape[],
): Row[] {
  const rows = new Map<string, Row>();
  for (const shape of shapes) {
    for (const run of runs.filter((one) => shape.meets?.(one) ?? true)) {
      const row = { state, event, when: shape.when, answer: answerTo(shape, run) };
      const known = rows.get(shape.when);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(row)) {
        throw new Error(`'${event}' (${shape.when}) has two answers in state '${state}'`);
      }
      rows.set(shape.when, row);
    }
  }
  return merged([...rows.values()]);
}

/** Conditions with one answer are one row; a condition that makes no difference is not named. */
function merged(rows: readonly Row[]): Row[] {
  const byAnswer = Map.groupBy(rows, (row) => JSON.stringify(row.answer));
  return [...byAnswer.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const conditions = [first, ...others].map((row) => row.when);
    return [{ ...first, when: byAnswer.size === 1 ? '' : conditions.join('; or ') }];
  });
}

function answerTo(shape: Shape, sample: Run): Row['answer'] {
  const run = shape.alter?.(sample) ?? sample;
  const terms = { ...termsGenerous, ...shape.terms };
  refuseLate(shape, run);
  const step = transition(run, terms, shape.event, now);
  return step.ok ? taken(run, step) : { refusal: step.refusal };
}

/**
 * The first rule of the document holds for every state and needs no row: another fence is refused.
 */
function refuseLate(shape: Shape, run: Run): void {
  if (!('fence' in shape.event)) return;
  const late = { ...run, fence: fenceNext(fence) };
  const step = transition(late, termsGenerous, shape.event, now);
  if (step.ok || step.refusal !== 'fence.stale') {
    throw new Error(`'${shape.event.type}' under another fence is not refused as stale`);
  }
}

function taken(run: Run, step: Extract<RunStep, { ok: true }>): Taken {
  const counts = (['attempt', 'fence', 'failures', 'crashes'] as const).flatMap((name) => {
    const [before, after] = [run[name], step.next[name]];
    if (before === after) return [];
    return [after > before ? `${name} + ${after - before}` : `${name} = ${after}`];
  });
  const places = (['lane', 'tenant'] as const).flatMap((name) =>
    step.next.places[name] && !run.places[name] ? [`${name} taken`] : [],
  );
  return {
    next: step.next === run ? 'unchanged' : stateOf(step.next),
    counts: [...counts, ...places].join(', '),
    effects: step.effects.map(effectOf).join(', '),
  };
}

const stopWords = { cancel: 'a cancel', deadline: 'the deadline' } as const;

/** The name of the state in the document. An outcome is named with it. */
function stateOf(run: Run): string {
  switch (run.status) {
    case 'queued':
      return [
        `queued: ${run.gate}`,
        ...(keeps(run) ? ['keeping its lane'] : []),
        ...(run.stop === null ? [] : ['to clean up']),
      ].join(', ');
    case 'running':
      if (run.stop === null) return 'running';
      return `running: asked to stop by ${stopWords[run.stop.cause]}`;
    case 'parked':
      return run.lingering === null ? 'parked' : 'parked: lingering';
    case 'quarantined':
      return 'quarantined';
    case 'done':
      return `done${run.lingering === null ? '' : ': lingering'} (${run.outcome.kind})`;
  }
}

const keeps = (run: QueuedRun): boolean => run.gate === 'time' && run.places.lane;

function effectOf(effect: RunEffect): string {
  return effect.do === 'close-attempt' ? `close-attempt (${effect.end})` : effect.do;
}

/** The table of the document: a part for each state, first what is taken, then what is refused. */
export function statesTable(rows: readonly Row[]): string {
  return [...Map.groupBy(rows, (row) => row.state)]
    .map(([state, own]) => `### ${state}\n\n${takenTable(own)}${refusals(own)}`)
    .join('\n');
}

function takenTable(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ event, when, answer }) => {
    if ('refusal' in answer) return [];
    const cells = [`\`${event}\``, when, answer.next, answer.counts, answer.effects];
    return [`| ${cells.join(' | ')} |`];
  });
  if (lines.length === 0) return '';
  const head = [
    '| event | when | next state | counts and places | effects |',
    '|---|---|---|---|---|',
  ];
  return `${[...head, ...lines].join('\n')}\n\n`;
}

function refusals(rows: readonly Row[]): string {
  const refused = rows.flatMap(({ event, when, answer }) => {
    if (!('refusal' in answer)) return [];
    return [{ refusal: answer.refusal, text: `\`${event}\`${when === '' ? '' : ` (${when})`}` }];
  });
  return [...Map.groupBy(refused, (one) => one.refusal)]
    .map(([refusal, of]) => `Refused as \`${refusal}\`: ${of.map((one) => one.text).join(', ')}.\n`)
    .join('\n');
}

/** The graph: which events lead from one status to another. Gates are drawn inside of `queued`. */
export function statesGraph(rows: readonly Row[]): string {
  const edges = new Map<string, Set<string>>();
  for (const { state, event, answer } of rows) {
    if ('refusal' in answer || answer.next === 'unchanged') continue;
    const [from, to] = [nodeOf(state), nodeOf(answer.next)];
    const inGates = isGate(from) && isGate(to);
    const edge = inGates
      ? `${from} --> ${to}`
      : `${isGate(from) && event !== 'claim' ? 'queued' : from} --> ${to}`;
    if (from === to && !inGates) continue;
    edges.set(edge, (edges.get(edge) ?? new Set()).add(event));
  }
  const drawn = [...edges].map(([edge, names]) => `${edge}: ${[...names].join(', ')}`);
  const inside = drawn.filter((line) => line.split(': ')[0]?.split(' --> ').every(isGate));
  const outside = drawn.filter((line) => !inside.includes(line));
  const indent = (lines: readonly string[], by: string): string =>
    lines.map((line) => `${by}${line}\n`).join('');
  return [
    '```mermaid\nstateDiagram-v2\n',
    '  [*] --> time: accepted\n  state queued {\n',
    `${indent(inside, '    ')}  }\n${indent(outside, '  ')}  done --> [*]\n\`\`\`\n`,
  ].join('');
}

const isGate = (node: string): boolean => ['time', 'lane', 'tenant', 'slot'].includes(node);
const nodeOf = (state: string): string => /^(queued: )?(\w+)/.exec(state)?.[2] ?? '';

/** The document with its generated parts written anew. */
export function withGenerated(text: string): string {
  const rows = walk();
  const graph = replacePart(text, 'graph', statesGraph(rows));
  return replacePart(graph, 'table', statesTable(rows));
}

function replacePart(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- generated: ${name} -->\n`, `<!-- end of ${name} -->\n`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`${document} has no part '${name}'`);
  return `${text.slice(0, from)}${open}\n${content}\n${text.slice(to)}`;
}

if (import.meta.main) {
  writeFileSync(document, withGenerated(readFileSync(document, 'utf8')));
  console.log(`wrote the graph and the table of ${document}`);
}
