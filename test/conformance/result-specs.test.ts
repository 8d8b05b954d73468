// Result specs and the lists that they are asked of: what Buildbot's own tests demand, and a model that every database
// must agree with. Where we differ from Buildbot, the test says so; docs/decisions/0011 says why.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/core/json.js';
import { DataQueries, type DataSpec } from '../../src/data/queries.js';
import type { Filter, FilterOperator, FilterValue } from '../../src/db/result-spec.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

/** A change, as far as the lists here go. */
interface Row {
  readonly changeid: number;
  readonly author: string;
  readonly branch: string | null;
  readonly when_timestamp: number;
  readonly parent_changeid: number | null;
}

const ROWS: readonly Row[] = [
  { changeid: 1, author: 'bob', branch: 'master', when_timestamp: 30, parent_changeid: null },
  { changeid: 2, author: 'Alice', branch: null, when_timestamp: 10, parent_changeid: 1 },
  { changeid: 3, author: 'alice', branch: '', when_timestamp: 20, parent_changeid: 2 },
  { changeid: 4, author: '50%_off', branch: 'maint', when_timestamp: 20, parent_changeid: null },
];

onEachDatabase('result specs', (run) => {
  filterSuite(run);
  nullSuite(run);
  orderSuite(run);
  pageSuite(run);
  modelSuite(run);
});

onEachDatabase('the lists of the data layer', pathSuite);

function filterSuite(run: RunWithDatabase): void {
  test.each([
    ['eq', 'when_timestamp', [20], [3, 4]],
    ['eq', 'when_timestamp', [10, 30], [1, 2]],
    ['eq', 'when_timestamp', [], []],
    ['ne', 'when_timestamp', [20], [1, 2]],
    ['ne', 'when_timestamp', [10, 20], [1]],
    ['ne', 'when_timestamp', [], [1, 2, 3, 4]],
    ['lt', 'when_timestamp', [20], [2]],
    ['le', 'when_timestamp', [20], [2, 3, 4]],
    ['gt', 'when_timestamp', [20], [1]],
    ['ge', 'when_timestamp', [20], [1, 3, 4]],
    ['in', 'author', ['bob', 'carol'], [1]],
    ['notin', 'author', ['bob', 'carol'], [2, 3, 4]],
    ['gt', 'author', ['Z'], [1, 3]],
    ['contains', 'author', ['lic'], [2, 3]],
    ['contains', 'author', ['Ali'], [2]],
    ['contains', 'author', ['bo', 'off'], [1, 4]],
    ['contains', 'author', ['0%_'], [4]],
    ['contains', 'author', ['b%b'], []],
    ['contains', 'branch', [''], [1, 3, 4]],
    ['contains', 'author', [], []],
    ['eq', 'author', ["x' OR '1' = '1"], []],
  ] as const)('%s: %s, %j gives %j', (op, field, values, expected) =>
    run(async (environment) => {
      expect(await ids(environment, { filters: [{ field, op, values }] })).toEqual(expected);
    }),
  );

  test('of two filters both must hold', () =>
    run(async (environment) => {
      const filters: readonly Filter[] = [
        { field: 'when_timestamp', op: 'eq', values: [20] },
        { field: 'author', op: 'contains', values: ['lic'] },
      ];
      expect(await ids(environment, { filters })).toEqual([3]);
    }));

  test.each([
    [{ filters: [{ field: 'autor', op: 'eq', values: ['x'] }] }, "did you mean 'author'?"],
    [{ filters: [{ field: 'author', op: 'like', values: ['x'] }] }, "unknown operator 'like'"],
    [{ filters: [{ field: 'author', op: 'eq', values: [1] }] }, 'a field of kind text, has the value 1'],
    [{ filters: [{ field: 'changeid', op: 'eq', values: ['1'] }] }, 'has the value "1"'],
    [{ filters: [{ field: 'files', op: 'eq', values: ['x'] }] }, 'a field of kind json'],
    [{ filters: [{ field: 'changeid', op: 'lt', values: [1, 2] }] }, "'lt' compares"],
    [{ filters: [{ field: 'changeid', op: 'lt', values: [null] }] }, "'lt' compares"],
    [{ filters: [{ field: 'author', op: 'contains', values: [null] }] }, "'contains' asks for a text"],
    [{ order: ['toString'] }, "cannot sort by 'toString'"],
    [{ fields: ['nothing'] }, "cannot select 'nothing'"],
    [{ fields: [] }, 'no field is asked for'],
    [{ limit: -1 }, 'limit is -1'],
    [{ offset: 0.5 }, 'offset is 0.5'],
  ])('%j is refused', (spec, message) =>
    run(async (environment) => {
      const attempt = ids(environment, spec as DataSpec);
      await expect(attempt).rejects.toMatchObject({ code: 'bad-spec' });
      await expect(ids(environment, spec as DataSpec)).rejects.toThrow(message);
    }),
  );
}

function nullSuite(run: RunWithDatabase): void {
  test.each([
    ['eq', [null], [2]],
    ['eq', ['master', null], [1, 2]],
    ['ne', [null], [1, 3, 4]],
    ['ne', ['master'], [2, 3, 4]],
    ['notin', ['master', 'maint'], [2, 3]],
    ['notin', ['master', null], [3, 4]],
    ['ge', [''], [1, 3, 4]],
  ] as const)('a null is a value like any other: branch %s %j gives %j', (op, values, expected) =>
    run(async (environment) => {
      expect(await ids(environment, { filters: [{ field: 'branch', op, values }] })).toEqual(expected);
    }),
  );
}

function orderSuite(run: RunWithDatabase): void {
  test.each([
    [['author'], [4, 2, 3, 1]],
    [['-author'], [1, 3, 2, 4]],
    [['when_timestamp'], [2, 3, 4, 1]],
    [['-when_timestamp'], [1, 3, 4, 2]],
    [
      ['when_timestamp', '-author'],
      [2, 3, 4, 1],
    ],
    [['branch'], [2, 3, 4, 1]],
    [['-branch'], [1, 4, 3, 2]],
    [
      ['parent_changeid', '-changeid'],
      [4, 1, 2, 3],
    ],
    [['-changeid'], [4, 3, 2, 1]],
  ])('order %j gives %j: nulls first when ascending, ties by id', (order, expected) =>
    run(async (environment) => {
      expect(await ids(environment, { order })).toEqual(expected);
    }),
  );
}

function pageSuite(run: RunWithDatabase): void {
  test.each([
    [{}, [1, 2, 3, 4], 0, null],
    [{ limit: 2 }, [1, 2], 0, 2],
    [{ offset: 3 }, [4], 3, null],
    [{ limit: 2, offset: 1 }, [2, 3], 1, 2],
    [{ limit: 10, offset: 3 }, [4], 3, 10],
    [{ limit: 10, offset: 20 }, [], 20, 10],
    [{ limit: 0 }, [], 0, 0],
    [{ limit: 2, order: ['-changeid'] }, [4, 3], 0, 2],
  ])('%j gives %j, and the total of all pages', (spec, expected, offset, limit) =>
    run(async (environment) => {
      await addRows(environment, ROWS);
      const result = await queriesOf(environment).getList(['changes'], { ...spec, fields: ['changeid'] });
      const data = expected.map((changeid) => ({ changeid }));
      expect(result).toEqual({ data, offset, limit, total: 4, isTotalExact: true });
    }),
  );

  test('the total counts what matches', () =>
    run(async (environment) => {
      await addRows(environment, ROWS);
      const filters: readonly Filter[] = [{ field: 'when_timestamp', op: 'eq', values: [20] }];
      const { data, total } = await queriesOf(environment).getList(['changes'], { filters, limit: 1 });
      expect([data.length, total]).toEqual([1, 2]);
    }));

  test('fields may be others than those that are filtered and sorted by, unlike in Buildbot', () =>
    run(async (environment) => {
      await addRows(environment, ROWS);
      const spec: DataSpec = {
        fields: ['author', 'files'],
        filters: [{ field: 'when_timestamp', op: 'eq', values: [20] }],
        order: ['-changeid'],
      };
      const { data } = await queriesOf(environment).getList(['changes'], spec);
      expect(data).toEqual([
        { author: '50%_off', files: ['a'] },
        { author: 'alice', files: ['a'] },
      ]);
    }));
}

function modelSuite(run: RunWithDatabase): void {
  test('every database gives what the model gives, whatever is asked', () =>
    run(async (environment) => {
      const queries = queriesOf(environment);
      const rows = fc.sample(fc.array(rowArbitrary(), { minLength: 20, maxLength: 20 }), {
        numRuns: 1,
        seed: 7,
      });
      const numbered = (rows[0] ?? []).map((row, i) => ({ ...row, changeid: i + 1 }));
      await addRows(environment, numbered);
      for (const spec of fc.sample(specArbitrary(), { numRuns: 60, seed: 11 })) {
        const { data, total } = await queries.getList(['changes'], { ...spec, fields: ['changeid'] });
        const expected = modelOf(numbered, spec);
        expect({ spec, ids: data.map((row) => row['changeid']), total }).toEqual({ spec, ...expected });
      }
    }));
}

function pathSuite(run: RunWithDatabase): void {
  test('a thing is found by its id, with all its fields or some, or it is null', () =>
    run(async (environment) => {
      await addCluster(environment);
      const queries = queriesOf(environment);
      const master = { masterid: 7, name: 'master-7', active: true, last_active: 60 };
      expect(await queries.get(['masters', 7])).toEqual(master);
      expect(await queries.get(['masters', 7], { fields: ['name'] })).toEqual({ name: 'master-7' });
      expect(await queries.get(['masters', 99])).toBeNull();
      expect(await queries.get(['schedulers', 24])).toEqual({
        schedulerid: 24,
        name: 's24',
        enabled: true,
        masterid: 7,
      });
    }));

  test('things are found in others: a master by its builder, a scheduler by its master', () =>
    run(async (environment) => {
      await addCluster(environment);
      const queries = queriesOf(environment);
      const all = async (
        path: readonly [string, number, string],
        field: string,
      ): Promise<readonly JsonValue[]> => (await queries.getList(path)).data.map((row) => row[field] ?? null);
      expect(await all(['builders', 1, 'masters'], 'masterid')).toEqual([7]);
      expect(await all(['builders', 99, 'masters'], 'masterid')).toEqual([]);
      expect(await all(['masters', 7, 'builders'], 'builderid')).toEqual([1]);
      expect(await all(['masters', 7, 'schedulers'], 'schedulerid')).toEqual([24]);
      expect(await all(['masters', 8, 'schedulers'], 'schedulerid')).toEqual([]);
      expect(await all(['masters', 7, 'changesources'], 'changesourceid')).toEqual([87]);
      expect(await queries.get(['builders', 1, 'masters', 7])).toMatchObject({ name: 'master-7' });
      expect(await queries.get(['builders', 1, 'masters', 8])).toBeNull();
      expect(await queries.get(['masters', 8, 'schedulers', 24])).toBeNull();
    }));

  test('builds, requests and buildsets are found in one another', () =>
    run(async (environment) => {
      await addCluster(environment);
      const queries = queriesOf(environment);
      const claimed = { buildrequestid: 4, claimed: true, claimed_by_masterid: 7, complete: false };
      expect((await queries.getList(['buildsets', 3, 'buildrequests'])).data).toMatchObject([claimed]);
      expect((await queries.getList(['builders', 1, 'buildrequests'])).data).toMatchObject([claimed]);
      const build = { buildid: 5, complete: false, results: null };
      for (const path of [
        ['masters', 7, 'builds'],
        ['buildrequests', 4, 'builds'],
        ['builders', 1, 'builds'],
      ] as const) {
        expect((await queries.getList(path)).data).toMatchObject([build]);
      }
      const isTrue = (field: string): DataSpec => ({ filters: [{ field, op: 'eq', values: [true] }] });
      expect((await queries.getList(['buildrequests'], isTrue('claimed'))).total).toBe(1);
      expect((await queries.getList(['builds'], isTrue('complete'))).total).toBe(0);
      expect((await queries.getList(['buildsets'], isTrue('complete'))).total).toBe(0);
    }));

  test('an unknown path is refused, and a single thing is asked for nothing but fields', () =>
    run(async (environment) => {
      const queries = queriesOf(environment);
      await expect(queries.getList(['master'])).rejects.toThrow("did you mean 'masters'?");
      await expect(queries.getList(['changes', 1, 'masters'])).rejects.toMatchObject({ code: 'bad-path' });
      await expect(queries.get(['masters', 0.5])).rejects.toMatchObject({ code: 'bad-path' });
      await expect(queries.get(['masters', 1], { limit: 1 } as DataSpec)).rejects.toMatchObject({
        code: 'bad-spec',
      });
    }));
}

function queriesOf({ db }: DatabaseEnvironment): DataQueries {
  return new DataQueries(db.database);
}

async function ids(environment: DatabaseEnvironment, spec: DataSpec): Promise<readonly JsonValue[]> {
  await addRows(environment, ROWS);
  const { data } = await queriesOf(environment).getList(['changes'], spec);
  return data.map((row) => row['changeid'] ?? null);
}

/** Adds rows, unless they are there. */
async function addRows(environment: DatabaseEnvironment, rows: readonly Row[]): Promise<void> {
  if ((await environment.rows('SELECT changeid FROM changes LIMIT 1')).length > 0) return;
  const insert = `INSERT INTO changes (changeid, author, comments, branch, when_timestamp, files, properties, parent_changeid,
                    sourcestampid, change_key) VALUES (?, ?, '', ?, ?, '["a"]', '{}', ?, 1, ?)`;
  await environment.write(
    ["INSERT INTO sourcestamps (id, ss_hash, created_at) VALUES (1, 'x', 0)"],
    ...rows.map(
      (row) =>
        [
          insert,
          row.changeid,
          row.author,
          row.branch,
          row.when_timestamp,
          row.parent_changeid,
          String(row.changeid),
        ] as const,
    ),
  );
}

/** Master 7 runs scheduler 24, change source 87, builder 1, and build 5 of request 4 in buildset 3; master 8 idles. */
async function addCluster(environment: DatabaseEnvironment): Promise<void> {
  const master = 'INSERT INTO masters (id, name, name_hash, active, last_active) VALUES (?, ?, ?, 1, 60)';
  await environment.write(
    [master, 7, 'master-7', 'a'],
    [master, 8, 'master-8', 'b'],
    ["INSERT INTO schedulers (id, name, name_hash) VALUES (24, 's24', 'a')"],
    ["INSERT INTO changesources (id, name, name_hash) VALUES (87, 'c87', 'a')"],
    ['INSERT INTO scheduler_masters (schedulerid, masterid) VALUES (24, 7)'],
    ['INSERT INTO changesource_masters (changesourceid, masterid) VALUES (87, 7)'],
    ["INSERT INTO builders (id, name, name_hash) VALUES (1, 'b1', 'a')"],
    ['INSERT INTO builder_masters (builderid, masterid) VALUES (1, 7)'],
    ["INSERT INTO buildsets (id, reason, submitted_at) VALUES (3, '', 0)"],
    ['INSERT INTO buildrequests (id, buildsetid, builderid, submitted_at) VALUES (4, 3, 1, 0)'],
    ['INSERT INTO buildrequest_claims (brid, masterid, incarnation, claimed_at) VALUES (4, 7, 0, 0)'],
    [
      `INSERT INTO builds (id, number, builderid, buildrequestid, masterid, incarnation, started_at)
       VALUES (5, 1, 1, 4, 7, 0, 0)`,
    ],
  );
}

const TEXTS = ['', 'a', 'A', 'ab', 'b', 'é', '\uffee', '😀', '%', '_', "'"];

function rowArbitrary(): fc.Arbitrary<Omit<Row, 'changeid'>> {
  return fc.record({
    author: fc.constantFrom(...TEXTS),
    branch: fc.option(fc.constantFrom(...TEXTS)),
    when_timestamp: fc.integer({ min: -2, max: 3 }),
    parent_changeid: fc.option(fc.integer({ min: 1, max: 3 })),
  });
}

function specArbitrary(): fc.Arbitrary<DataSpec> {
  const fields = ['author', 'branch', 'when_timestamp', 'parent_changeid', 'changeid'];
  const order = fc.constantFrom(...fields, ...fields.map((field) => `-${field}`));
  const texts = fc.constantFrom('author', 'branch');
  const integers = fc.constantFrom('when_timestamp', 'parent_changeid', 'changeid');
  const text = fc.constantFrom(...TEXTS);
  const integer = fc.integer({ min: -2, max: 5 });
  const sets = fc.constantFrom<FilterOperator>('eq', 'ne', 'in', 'notin');
  const comparisons = fc.constantFrom<FilterOperator>('lt', 'le', 'gt', 'ge');
  const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { maxLength: 3 });
  const filter = fc.oneof(
    fc.record({ field: texts, op: sets, values: some(fc.option(text)) }),
    fc.record({ field: integers, op: sets, values: some(fc.option(integer)) }),
    fc.record({ field: texts, op: comparisons, values: fc.tuple(text) }),
    fc.record({ field: integers, op: comparisons, values: fc.tuple(integer) }),
    fc.record({ field: texts, op: fc.constant<FilterOperator>('contains'), values: some(text) }),
  );
  return fc.record(
    {
      filters: fc.array(filter, { maxLength: 2 }),
      order: fc.array(order, { maxLength: 3 }),
      limit: fc.integer({ min: 0, max: 8 }),
      offset: fc.integer({ min: 0, max: 22 }),
    },
    { requiredKeys: [] },
  );
}

function modelOf(rows: readonly Row[], spec: DataSpec): { ids: readonly number[]; total: number } {
  const matching = rows.filter((row) => (spec.filters ?? []).every((filter) => matchesModel(row, filter)));
  const sorted = matching.toSorted((a, b) => {
    for (const term of spec.order ?? []) {
      const field = term.replace('-', '') as keyof Row;
      const sign = term.startsWith('-') ? -1 : 1;
      const difference = compareModel(a[field], b[field]);
      if (difference !== 0) return sign * difference;
    }
    return a.changeid - b.changeid;
  });
  const from = spec.offset ?? 0;
  const page = sorted.slice(from, spec.limit === undefined ? undefined : from + spec.limit);
  return { ids: page.map(({ changeid }) => changeid), total: matching.length };
}

function matchesModel(row: Row, { field, op, values }: Filter): boolean {
  const value = row[field as keyof Row];
  const first = values[0] ?? null;
  switch (op) {
    case 'eq':
    case 'in':
      return values.includes(value);
    case 'ne':
    case 'notin':
      return !values.includes(value);
    case 'contains':
      return typeof value === 'string' && values.some((part) => value.includes(String(part)));
    case 'lt':
      return value !== null && compareModel(value, first) < 0;
    case 'le':
      return value !== null && compareModel(value, first) <= 0;
    case 'gt':
      return value !== null && compareModel(value, first) > 0;
    case 'ge':
      return value !== null && compareModel(value, first) >= 0;
    default:
      return op satisfies never;
  }
}

/** Nulls first; texts by their bytes. */
function compareModel(a: FilterValue, b: FilterValue): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) - Number(b);
}
