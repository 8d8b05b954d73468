// Whatever is said to the connectors is stored exactly or refused with a typed error: nothing is cut, converted, or run.

import { expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import type { JsonValue } from '../../src/core/json.js';
import type { NewChange } from '../../src/db/changes.js';
import { insertBuildsetStatements } from '../../src/db/buildsets.js';
import { onEachDatabase } from './databases.js';

const STORED = [
  '',
  ' ',
  "'; DROP TABLE changes; --",
  '"quoted" \\ `back` $1 ? :name @p %s',
  'percent % under_score',
  'line\nfeed\r\ttab \u0001 \u007f',
  'bom \ufeff \u2028 \u202e right to left',
  '😀 ü ß İ ﬁ',
  'õ',
  '{{commit_ordered_id}}',
  'x'.repeat(500),
];
const REFUSED = ['nul \0', '\0', 'half \ud83d pair', '\udc00'];
const WRONG: readonly unknown[] = [5, 1.5, true, {}, [], Symbol('s'), () => 'x', 10n, Number.NaN];

onEachDatabase('hostile input', (run) => {
  test.each(STORED)('%j is stored exactly, wherever it stands', (text) =>
    run(async (environment) => {
      const { db, updates } = environment;
      const change: NewChange = {
        ...{ author: text, committer: text, comments: text, branch: text, revision: text },
        ...{ revlink: text, category: text },
        ...{
          repository: text,
          project: text,
          codebase: text,
          files: [text],
          properties: { [text]: [text, 'Change'] },
        },
      };
      const changeid = await updates.addChange(change, text);
      expect(await updates.addChange(change, text)).toBe(changeid);
      expect(await db.changes.getChange(changeid)).toMatchObject(change);
      const masterid = await db.masters.findMasterId(text);
      expect(await db.masters.getMaster(masterid)).toMatchObject({ name: text });
      const schedulerid = await db.schedulers.findSchedulerId(text, [[text, null]]);
      expect(await db.schedulers.getScheduler(schedulerid)).toMatchObject({ name: text });
      await db.queues.register(text, [text]);
      expect(await db.queues.list()).toContainEqual({ name: text, filter: [text], waiting: 0 });
      const builderid = await db.builders.findBuilderId(text);
      expect(await environment.rows('SELECT name FROM builders WHERE id = ?', builderid)).toEqual([
        { name: text },
      ]);
      await db.builders.updateBuilderInfo(builderid, text);
      expect(await db.builders.getBuilder(builderid)).toMatchObject({ name: text, description: text });
      const changesourceid = await db.changeSources.findChangeSourceId(text);
      expect(await db.changeSources.getChangeSource(changesourceid)).toMatchObject({ name: text });
      await updates.announce([text, text], { [text]: text });
      const objectid = await db.state.getObjectId(text, text);
      await db.state.setState(objectid, text, { [text]: text });
      expect(await db.state.getState(objectid, text)).toEqual({ [text]: text });
      await environment.write(...buildsetRows(text, changeid));
      expect(await db.buildsets.getBuildset(1)).toMatchObject({ reason: text, externalIdstring: text });
    }),
  );

  test.each(['\ufeff byte order', 'long'.repeat(100_000)])('%.20s is stored exactly or refused', (text) =>
    run(async (environment) => {
      const attempts = [
        () => environment.updates.addChange({ author: 'a', comments: text, branch: text }, 'k'),
        () => environment.db.queues.register(text, ['changes']),
      ];
      for (const attempt of attempts) {
        const refusal = await attempt().then(
          () => null,
          (error: unknown) => error,
        );
        if (refusal !== null) expect(refusal).toMatchObject({ code: 'bad-statement', isDefinite: true });
      }
      for (const row of await environment.rows('SELECT comments, branch FROM changes'))
        expect(row).toEqual({ comments: text, branch: text });
      for (const row of await environment.rows('SELECT name FROM queues'))
        expect(row).toEqual({ name: text });
    }),
  );

  test.each(REFUSED)('%j is refused, wherever it stands', (text) =>
    run(async (environment) => {
      const { db, updates } = environment;
      const whole = { author: 'a' };
      const attempts: Promise<unknown>[] = [
        ...[
          'author',
          'committer',
          'comments',
          'branch',
          'revision',
          'revlink',
          'category',
          'repository',
          'project',
          'codebase',
        ].map((field) => updates.addChange({ ...whole, [field]: text }, `key ${field}`)),
        updates.addChange({ ...whole, files: [text] }, 'key files'),
        updates.addChange(whole, text),
        db.masters.findMasterId(text),
        db.schedulers.findSchedulerId(text),
        db.builders.findBuilderId(text),
        db.builders.updateBuilderInfo(1, text),
        db.changeSources.findChangeSourceId(text),
        db.state.getObjectId(text, 'c'),
        db.state.getObjectId('o', text),
        db.queues.register(text, ['changes']),
        environment.write(...buildsetRows(text, 1)),
      ];
      for (const attempt of await Promise.allSettled(attempts)) {
        expect(attempt.status).toBe('rejected');
        expect((attempt as PromiseRejectedResult).reason).toBeInstanceOf(StandinError);
      }
      const named = ['masters', 'schedulers', 'changesources', 'builders', 'objects', 'queues'];
      for (const table of ['changes', 'events', 'buildsets', ...named])
        expect(await environment.rows(`SELECT 1 AS one FROM ${table}`), table).toEqual([]);
    }),
  );

  test.each(WRONG)('a value of another type is refused (%#)', (value) =>
    run(async (environment) => {
      const { db, updates } = environment;
      const wrong = value as never;
      const attempts: (() => Promise<unknown>)[] = [
        () => updates.addChange({ author: wrong }, 'k'),
        () => updates.addChange({ author: 'a', branch: wrong }, 'k'),
        () => updates.addChange({ author: 'a', files: [wrong] }, 'k'),
        () => updates.addChange({ author: 'a' }, wrong),
        () => db.masters.findMasterId(wrong),
        () => db.schedulers.findSchedulerId(wrong),
        () => db.builders.findBuilderId(wrong),
        () => db.changeSources.findChangeSourceId(wrong),
        () => db.state.getObjectId(wrong, 'c'),
        () => db.queues.register(wrong, ['changes']),
        () => db.queues.register('q', wrong),
        () => db.queues.register('q', [wrong]),
        () => updates.announce([wrong], {}),
      ];
      if (typeof value !== 'number' || !Number.isInteger(value))
        attempts.push(
          () => updates.addChange({ author: 'a', when: wrong }, 'k'),
          () => updates.addChange({ author: 'a', uid: wrong }, 'k'),
          () => db.changes.pruneChanges(wrong),
        );
      for (const [i, attempt] of attempts.entries())
        await expect(attempt(), `attempt ${i}`).rejects.toBeInstanceOf(StandinError);
    }),
  );

  test.each([[undefined], [Number.NaN], [new Date(0)], [{ a: () => 1 }], [10n]])(
    'state and properties that JSON cannot hold are refused (%#)',
    (value) =>
      run(async ({ db, updates }) => {
        const objectid = await db.state.getObjectId('o', 'c');
        const wrong = value as JsonValue;
        await expect(db.state.setState(objectid, 'k', wrong)).rejects.toMatchObject({ code: 'not-json' });
        const change = { author: 'a', properties: { p: [wrong, 'Change'] } };
        await expect(updates.addChange(change, 'k')).rejects.toMatchObject({ code: 'not-json' });
      }),
  );

  test('a branch that is called as Buildbot writes none is a branch of its own', () =>
    run(async ({ db, updates }) => {
      const [some, none] = [
        await updates.addChange({ author: 'a', branch: 'õ' }, '1'),
        await updates.addChange({ author: 'a', branch: null }, '2'),
      ];
      const [first, second] = await db.changes.getChangesByIds([some, none]);
      expect(first?.sourcestampid).not.toBe(second?.sourcestampid);
    }));
});

/** The rows of a buildset in which every text is `text`. */
function buildsetRows(text: string, changeid: number): (readonly [string, ...(string | number | null)[]])[] {
  const ids = { bsid: 1, schedulerid: null, sourcestampids: [], changeids: [changeid], requests: [] };
  const statements = insertBuildsetStatements({
    ...ids,
    ...{ reason: text, externalIdstring: text, triggerKey: text, properties: { [text]: [text, text] } },
    ...{
      priority: 0,
      waitedFor: false,
      submittedAt: 1,
      parentBuildid: null,
      parentRelationship: null,
      rebuiltBuildid: null,
    },
  });
  return statements.map(({ sql, values }) => [sql, ...values] as const);
}
