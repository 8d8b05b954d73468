// What the history is told about commits.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Transactions } from '../../sim/world/database/transactions.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';

let engine: SqlEngine;
let transactions: Transactions;

beforeAll(async () => {
  engine = await SqlEngine.open();
});

afterAll(() => engine.close());

beforeEach(() => {
  engine.reset();
  transactions = new Transactions(engine);
  commit("INSERT INTO objects (id, name, class_name) VALUES (1, 'n', 'c')");
});

/** Commits the statements as one transaction; its row changes in short. */
function commit(...statements: readonly string[]): readonly string[] {
  const transaction = transactions.begin();
  for (const sql of statements) transactions.execute(transaction, engine.prepare(sql), []);
  transactions.commit(transaction);
  return transactions
    .takeChanges()
    .map(
      ({ table, op, old, row }) =>
        `${op} ${table} ${JSON.stringify(old?.['value_json'])}>${JSON.stringify(row?.['value_json'])}`,
    );
}

const insert = (value: string): string =>
  `INSERT INTO object_state (objectid, name, value_json) VALUES (1, 'k', '${value}')`;
const update = (value: string): string => `UPDATE object_state SET value_json = '${value}' WHERE name = 'k'`;
const remove = "DELETE FROM object_state WHERE name = 'k'";

test('an insert, an update and a delete show the row before and after', () => {
  expect(commit(insert('1'))).toEqual(['insert object_state undefined>"1"']);
  expect(commit(update('2'))).toEqual(['update object_state "1">"2"']);
  expect(commit(remove)).toEqual(['delete object_state "2">undefined']);
});

test('several changes of a row in one transaction show their net effect', () => {
  expect(commit(insert('1'), update('2'), update('3'))).toEqual(['insert object_state undefined>"3"']);
  expect(commit(update('4'), update('5'))).toEqual(['update object_state "3">"5"']);
  expect(commit(update('6'), remove)).toEqual(['delete object_state "5">undefined']);
  expect(commit(insert('1'), remove)).toEqual([]);
});

test('a row that is deleted and inserted again shows both', () => {
  commit(insert('1'));
  expect(commit(remove, insert('2'))).toEqual([
    'delete object_state "1">undefined',
    'insert object_state undefined>"2"',
  ]);
});

test('a DELETE without WHERE is seen row by row', () => {
  commit(insert('1'));
  expect(commit('DELETE FROM object_state')).toEqual(['delete object_state "1">undefined']);
});

test('what is rolled back or interrupted is not shown twice', () => {
  const transaction = transactions.begin();
  transactions.execute(transaction, engine.prepare(insert('1')), []);
  transactions.autocommit(engine.prepare("UPDATE objects SET name = 'other' WHERE id = 1"), []);
  expect(transactions.takeChanges().map(({ table, op }) => `${op} ${table}`)).toEqual(['update objects']);
  transactions.commit(transaction);
  expect(transactions.takeChanges().map(({ table, op }) => `${op} ${table}`)).toEqual([
    'insert object_state',
  ]);
  expect(transactions.takeChanges()).toEqual([]);
});

test('tables that no oracle reads are not followed', () => {
  expect(commit("INSERT INTO operations (id, result, done_at) VALUES ('o', '{}', 1)")).toEqual([]);
});
