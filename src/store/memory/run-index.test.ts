import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Journal } from './journal.ts';
import { Cell, Ordered } from './ordered.ts';
import { exactly, type Place, RunIndex, upTo, upToPlace } from './run-index.ts';

/** Rows are their own places here: the index does not look at anything else. */
const openIndex = (journal: Journal) =>
  new RunIndex(journal, (row) => row as unknown as Place) as unknown as {
    follow(before: Place | undefined, after: Place | undefined): void;
  } & Omit<RunIndex, 'follow' | 'placeOf'>;

const inOrder = (a: Place, b: Place): number =>
  a.part < b.part ? -1 : a.part > b.part ? 1 : a.at - b.at || a.seq - b.seq;

const part = fc.constantFrom('', 'a', 'aa', 'b', 'z');
const change = fc.oneof(
  fc.record({ do: fc.constant('put' as const), part, at: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ do: fc.constant('drop' as const), at: fc.nat(50) }),
  fc.record({ do: fc.constantFrom('commit' as const, 'rollBack' as const, 'copy' as const) }),
  fc.record({ do: fc.constant('putBack' as const) }),
);

describe('an index over runs', () => {
  it('answers as a sorted list does, through commits, roll-backs and copies', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const journal = new Journal();
        const index = openIndex(journal);
        let now: Place[] = [];
        let committed: Place[] = [];
        let copy = { snapshot: journal.snapshot(), places: committed };
        let seq = 0;
        for (const one of changes) {
          if (one.do === 'put') {
            seq += 1;
            const place = { part: one.part, at: one.at, seq };
            index.follow(undefined, place);
            now = [...now, place].sort(inOrder);
          } else if (one.do === 'drop') {
            const gone = now[one.at];
            if (gone !== undefined) index.follow(gone, undefined);
            now = now.filter((place) => place !== gone);
          } else if (one.do === 'rollBack') {
            journal.rollBack();
            now = committed;
          } else {
            journal.commit();
            committed = now;
            if (one.do === 'copy') copy = { snapshot: journal.snapshot(), places: committed };
            if (one.do === 'putBack') {
              copy.snapshot.putBack();
              committed = copy.places;
              now = committed;
            }
          }
          for (const key of ['', 'a', 'aa', 'b']) agree(index, now, key);
        }
      }),
    );
  });

  it('holds infinite numbers at the ends of their part', () => {
    const index = openIndex(new Journal());
    const at = [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 7];
    at.forEach((number, n) => {
      index.follow(undefined, { part: 'x', at: number, seq: n + 1 });
    });
    assert.deepEqual(index.seqs(upTo('x'), 10), [1, 3, 2, 4]);
  });
});

function agree(index: ReturnType<typeof openIndex>, now: readonly Place[], key: string): void {
  const inPart = now.filter((place) => place.part === key);
  const seqs = (places: readonly Place[]): number[] => places.map((place) => place.seq);
  assert.equal(index.size, now.length);
  assert.deepEqual(index.seqs(upTo(key), 3), seqs(inPart.slice(0, 3)));
  assert.deepEqual(index.seqs(upTo(key, 1), 99), seqs(inPart.filter((place) => place.at <= 1)));
  assert.equal(index.first(upTo(key))?.seq, inPart[0]?.seq);
  assert.equal(index.count(upTo(key), 2), Math.min(2, inPart.length));
  assert.equal(index.count(exactly(key, 0)), inPart.filter((place) => place.at === 0).length);
  const middle = inPart[inPart.length >> 1];
  if (middle !== undefined) {
    const before = inPart.slice(0, inPart.length >> 1);
    assert.equal(index.count(upToPlace(key, middle.at, middle.seq)), before.length);
    assert.ok(index.has(middle));
  }
  assert.equal(index.partAfter(key), now.find((place) => place.part > key)?.part);
}

describe('rows in order', () => {
  it('are read forwards and backwards from any key, whether it is there or not', () => {
    const rows = Ordered.byNumber<number, string>(new Journal());
    for (const key of [5, 1, 3]) rows.put(key, `row ${key}`);
    assert.deepEqual([...rows.after()], ['row 1', 'row 3', 'row 5']);
    assert.deepEqual([...rows.after(1)], ['row 3', 'row 5']);
    assert.deepEqual([...rows.after(2)], ['row 3', 'row 5']);
    assert.deepEqual([...rows.before(5)], ['row 3', 'row 1']);
    assert.deepEqual([...rows.before(4)], ['row 3', 'row 1']);
    assert.deepEqual([...rows.before()], ['row 5', 'row 3', 'row 1']);
  });

  it('come back as they were when a transaction is rolled back', () => {
    const journal = new Journal();
    const rows = Ordered.byText<number>(journal);
    const cell = new Cell(journal, 'old');
    rows.put('kept', 1);
    rows.put('dropped', 2);
    journal.commit();
    rows.put('kept', 10);
    rows.put('kept', 11);
    rows.put('new', 3);
    assert.equal(rows.drop('dropped'), true);
    assert.equal(rows.drop('never there'), false);
    cell.value = 'new';
    journal.rollBack();
    assert.deepEqual([...rows.after()], [2, 1]);
    assert.equal(rows.get('new'), undefined);
    assert.equal(cell.value, 'old');
  });
});
