// Random interleavings: what a few connections do to the small database of the scripts, in a random order.
//
// A connection does one transaction, of a few statements, or one statement on its own. When a statement is refused it rolls
// back where its next one would have been, as a real client does, and does nothing more.

import fc from 'fast-check';
import type { DatabaseError } from '../../src/db/driver.js';
import type { Connection } from './script.js';

/** One statement of one connection. */
export interface Move {
  readonly on: Connection;
  readonly sql: string;
  readonly lock?: string;
}

export const BEGIN = 'BEGIN';
export const COMMIT = 'COMMIT';
export const ROLLBACK = 'ROLLBACK';

/** Less than between two moves. */
const AT_ONCE_MS = 50;

/** That the transaction of a connection was refused. */
export interface Refusal {
  readonly error: DatabaseError;
  /** The index of the move that was refused. */
  readonly at: number;
  /** So many moves had been begun when it rolled back. */
  rolledBackAfter: number;
  /** When that was answered. */
  readonly atMs: number;
}

/** What came of the moves. */
export interface Play {
  /** Who has committed, in the order of the answers. */
  readonly committed: readonly Connection[];
  /** When each of them was answered (ms); what is answered at one instant may have been committed in any order. */
  readonly committedAtMs: readonly number[];
  readonly refused: ReadonlyMap<Connection, Refusal>;
  /** What each move was answered, by its index: rows and count of changes, as text. */
  readonly sights: ReadonlyMap<number, string>;
  /** All rows at the end, as text. */
  readonly left: string;
}

/** The moves without those of connections that were refused, who roll back where they did. */
export function withoutRefused(moves: readonly Move[], refused: Play['refused']): readonly Move[] {
  const rollbacksAt = (index: number): readonly Move[] =>
    [...refused].flatMap(([on, { rolledBackAfter }]) =>
      rolledBackAfter === index && isTransaction(moves, on) ? [{ on, sql: ROLLBACK }] : [],
    );
  const kept = moves.flatMap((move, i) => {
    const isGone = i >= (refused.get(move.on)?.at ?? moves.length);
    return [...rollbacksAt(i), ...(isGone ? [] : [move])];
  });
  return [...kept, ...rollbacksAt(moves.length)];
}

/** Who had committed when somebody was refused. */
export function committedBefore(
  { committed, committedAtMs }: Play,
  { atMs }: Refusal,
): readonly Connection[] {
  return committed.filter((_, i) => (committedAtMs[i] ?? 0) < atMs + AT_ONCE_MS);
}

/** The orders in which those who have committed may have done so. */
export function commitOrders({ committed, committedAtMs }: Play): readonly (readonly Connection[])[] {
  const groups: Connection[][] = [];
  for (const [i, on] of committed.entries()) {
    const isAtOnce = i > 0 && (committedAtMs[i] ?? 0) - (committedAtMs[i - 1] ?? 0) < AT_ONCE_MS;
    if (isAtOnce) groups.at(-1)?.push(on);
    else groups.push([on]);
  }
  return groups.reduce<readonly (readonly Connection[])[]>(
    (orders, group) => orders.flatMap((order) => permutations(group).map((rest) => [...order, ...rest])),
    [[]],
  );
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  );
}

/** Whether a connection does a transaction, and no statement on its own. */
export function isTransaction(moves: readonly Move[], on: Connection): boolean {
  return moves.some((move) => move.on === on && move.sql === BEGIN);
}

/** Mostly the same one, so that connections meet. */
const id = fc.constantFrom(1, 1, 1, 2, 3);
const amount = fc.constantFrom(50, 100, 150);
const row = fc.constantFrom('row:schedulers:1', 'row:schedulers:1', 'row:schedulers:2');
const statement = (sql: fc.Arbitrary<string>): fc.Arbitrary<Omit<Move, 'on'>> =>
  sql.map((text) => ({ sql: text }));
const always = (sql: string): fc.Arbitrary<Omit<Move, 'on'>> => statement(fc.constant(sql));

const reads = fc.oneof(
  statement(id.map((k) => `SELECT amount FROM accounts WHERE id = ${k}`)),
  always('SELECT SUM(amount) AS total FROM accounts'),
  statement(amount.map((n) => `SELECT id FROM accounts WHERE amount > ${n} ORDER BY id`)),
  statement(id.map((k) => `SELECT epoch, enabled FROM schedulers WHERE id = ${k}`)),
  always('SELECT id, epoch FROM effects ORDER BY id'),
  statement(id.map((k) => `SELECT name FROM names WHERE name = 'n${k}'`)),
);

const writes = fc.oneof(
  statement(
    fc.tuple(id, amount).map(([k, n]) => `UPDATE accounts SET amount = amount + ${n} WHERE id = ${k}`),
  ),
  statement(fc.tuple(id, amount).map(([k, n]) => `UPDATE accounts SET amount = ${n} WHERE id = ${k}`)),
  statement(amount.map((n) => `UPDATE accounts SET amount = amount - 1 WHERE amount >= ${n}`)),
  statement(id.map((k) => `UPDATE accounts SET amount = (SELECT SUM(amount) FROM accounts) WHERE id = ${k}`)),
  always('INSERT INTO accounts VALUES (3, 50)'),
  statement(id.map((k) => `DELETE FROM accounts WHERE id = ${k}`)),
  statement(id.map((k) => `UPDATE schedulers SET epoch = epoch + 1 WHERE id = ${k}`)),
  statement(id.map((k) => `INSERT INTO effects (id, epoch) VALUES (${k}, 5)`)),
  statement(
    id.map(
      (k) =>
        `INSERT INTO effects (id, epoch) VALUES (${k}, 1) ON CONFLICT (id) DO UPDATE SET epoch = effects.epoch + 1`,
    ),
  ),
  always('DELETE FROM effects WHERE epoch = 5'),
  statement(fc.tuple(id, id).map(([k, n]) => `INSERT INTO names (id, name) VALUES (${k}, 'n${n}')`)),
  statement(
    fc
      .tuple(id, id)
      .map(([k, n]) => `INSERT INTO names (id, name) VALUES (${k}, 'n${n}') ON CONFLICT DO NOTHING`),
  ),
);

const locked = fc.oneof(
  row.map((lock) => ({ sql: `SELECT epoch FROM schedulers WHERE id = ${lock.at(-1)}`, lock })),
  fc.constant({ sql: 'SELECT COUNT(*) AS count FROM effects', lock: 'inbox' }),
  fc.constant({ sql: 'INSERT INTO effects (id, epoch) VALUES (4, 4)', lock: 'inbox' }),
);

const anyStatement = fc.oneof(
  { arbitrary: reads, weight: 4 },
  { arbitrary: writes, weight: 4 },
  { arbitrary: locked, weight: 2 },
);

type Program = readonly Omit<Move, 'on'>[];

const transaction: fc.Arbitrary<Program> = fc
  .tuple(
    fc.array(anyStatement, { minLength: 2, maxLength: 4 }),
    fc.oneof({ arbitrary: fc.constant(COMMIT), weight: 7 }, { arbitrary: fc.constant(ROLLBACK), weight: 1 }),
  )
  .map(([statements, end]) => [{ sql: BEGIN }, ...statements, { sql: end }]);

const alone: fc.Arbitrary<Program> = fc.oneof(reads, writes).map((only) => [only]);

const program = fc.oneof({ arbitrary: transaction, weight: 5 }, { arbitrary: alone, weight: 1 });

/** Two or three connections, each with a program, and an order of their moves. */
export const anyMoves: fc.Arbitrary<readonly Move[]> = fc
  .tuple(
    fc.array(program, { minLength: 2, maxLength: 3 }),
    fc.array(fc.nat({ max: 5 }), { minLength: 18, maxLength: 18 }),
  )
  .map(([programs, draws]) => interleaved(programs, draws));

function interleaved(programs: readonly Program[], draws: readonly number[]): readonly Move[] {
  const names = ['a', 'b', 'c'] as const;
  const left = programs.map((moves, i) => ({ on: names[i] ?? 'c', moves: [...moves] }));
  const order: Move[] = [];
  for (let i = 0; left.some(({ moves }) => moves.length > 0); i++) {
    const busy = left.filter(({ moves }) => moves.length > 0);
    const next = busy[(draws[i] ?? 0) % busy.length];
    const move = next?.moves.shift();
    if (next !== undefined && move !== undefined) order.push({ on: next.on, ...move });
  }
  return order;
}
