// ForceScheduler: what a form asks for becomes a buildset, or a list of all that is wrong with the answers. Rows of
// Buildbot's test_forcesched.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonValue } from '../../src/core/json.js';
import { SchedulerDisabledError } from '../../src/db/schedulers.js';
import { CollectedValidationError, ForceScheduler, type ForceOptions } from '../../src/schedulers/force.js';
import {
  AnyPropertyParameter,
  BooleanParameter,
  ChoiceStringParameter,
  CodebaseParameter,
  FileParameter,
  FixedParameter,
  IntParameter,
  NestedParameter,
  PatchParameter,
  StringParameter,
  TextParameter,
  UserNameParameter,
  type BaseParameter,
} from '../../src/schedulers/force-parameters.js';
import { TestCluster, type Member } from '../support/cluster.js';

let cluster: TestCluster;
let member: Member;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

async function start(options: ForceOptions = {}, builders = ['a', 'b', 'c']): Promise<ForceScheduler> {
  const scheduler = new ForceScheduler('force', builders, options);
  member = await cluster.start([scheduler]);
  return scheduler;
}

async function buildset(): Promise<{
  reason: unknown;
  builders: unknown;
  properties: unknown;
  stamps: unknown;
}> {
  const [row] = await cluster.rows('SELECT id, reason FROM buildsets');
  const builders = await cluster.rows(
    'SELECT b.name FROM buildrequests r JOIN builders b ON b.id = r.builderid ORDER BY r.id',
  );
  const properties = await cluster.rows('SELECT * FROM buildset_properties ORDER BY property_name');
  const stamps = await cluster.rows(
    'SELECT codebase, branch, revision, repository, project, patch FROM sourcestamps ORDER BY codebase',
  );
  return {
    reason: row?.['reason'],
    builders: builders.map(({ name }) => name),
    properties: Object.fromEntries(
      properties.map((each) => [each['property_name'], JSON.parse(String(each['property_value']))[0]]),
    ),
    stamps: stamps.map((each) =>
      Object.fromEntries(Object.entries(each).filter(([, value]) => value !== null)),
    ),
  };
}

async function errorsOf(call: Promise<unknown>): Promise<unknown> {
  const error = await call.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CollectedValidationError);
  return (error as CollectedValidationError).errors;
}

describe('what is forced', () => {
  test('is built by the builder that is wanted, from what was filled in', async () => {
    const scheduler = await start();
    await scheduler.force({
      owner: 'danny',
      builderNames: ['a'],
      answers: {
        reason: 'because',
        _branch: 'a',
        _revision: 'c',
        _repository: 'd',
        _project: 'p',
        branch: 'x',
      },
    });
    expect(await buildset()).toMatchObject({
      reason: "A build was forced by 'danny': because",
      builders: ['a'],
      properties: { owner: 'danny', reason: 'because', scheduler: 'force' },
    });
  });

  test('is built by all builders, or by those of its own that are named, in their order', async () => {
    await (await start()).force({ owner: 'o' });
    expect((await buildset()).builders).toEqual(['a', 'b', 'c']);
    const some = new ForceScheduler('some', ['a', 'b', 'c']);
    await member.master.stop();
    member = await cluster.start([some]);
    const { brids } = await some.force({ owner: 'o', builderNames: ['c', 'a', 'unknown'] });
    expect(brids.size).toBe(2);
    await expect(some.force({ owner: 'o', builderNames: ['unknown'] })).rejects.toMatchObject({
      code: 'no-builders',
    });
  });

  test('has the reason that the scheduler words', async () => {
    const scheduler = await start({ reasonString: '%(owner)s wants it: %(reason)s' });
    await scheduler.force({ owner: '$& me', answers: { reason: 'why not' } });
    expect((await buildset()).reason).toBe('$& me wants it: why not');
  });

  test('has a stamp for each codebase, whose fields bear its name', async () => {
    const scheduler = await start({ codebases: ['foo', new CodebaseParameter({ codebase: 'bar' })] });
    const answers = {
      foo_branch: 'a',
      foo_revision: 'c',
      bar_branch: 'a2',
      bar_repository: 'd2',
      bar_project: 'p2',
    };
    await scheduler.force({ owner: 'o', answers });
    expect((await buildset()).stamps).toEqual([
      { codebase: 'bar', branch: 'a2', repository: 'd2', project: 'p2' },
      { codebase: 'foo', branch: 'a', revision: 'c', repository: '', project: '' },
    ]);
  });

  test('may have a patch', async () => {
    const codebases = [new CodebaseParameter({ codebase: 'foo', patch: new PatchParameter() })];
    const scheduler = await start({ codebases });
    await scheduler.force({
      owner: 'o',
      answers: { foo_branch: 'a', foo_patch_body: 'diff', foo_patch_author: 'me' },
    });
    await scheduler.force({ owner: 'o', answers: { foo_branch: 'a' } });
    const patch = '{"body":"diff","level":1,"author":"me","comment":"","subdir":"."}';
    expect((await buildset()).stamps).toEqual([
      { codebase: 'foo', branch: 'a', repository: '', project: '', patch },
      { codebase: 'foo', branch: 'a', repository: '', project: '' },
    ]);
  });

  test('has the priority that was filled in', async () => {
    const scheduler = await start({ priority: new IntParameter({ name: 'priority', default: 1 }) }, ['a']);
    await scheduler.force({ owner: 'o', answers: { priority: '10' } });
    await scheduler.force({ owner: 'o' });
    expect(await cluster.rows('SELECT priority FROM buildrequests ORDER BY id')).toEqual([
      { priority: 10 },
      { priority: 1 },
    ]);
  });

  test('is added once for each call, also when the scheduler is not active; never while it is disabled', async () => {
    await start();
    const other = new ForceScheduler('force', ['a', 'b', 'c']);
    await cluster.start([other], { name: 'master-b' });
    expect(other.active).toBe(false);
    await other.force({ owner: 'o', callId: 'form-1' });
    await other.force({ owner: 'o', callId: 'form-1' });
    expect(await cluster.rows('SELECT id FROM buildsets')).toHaveLength(1);
    await member.master.data.schedulerEnable(1, false);
    await expect(other.force({ owner: 'o', callId: 'form-2' })).rejects.toThrow(SchedulerDisabledError);
    expect(await cluster.rows('SELECT name FROM object_state')).toEqual([]);
  });
});

const choices = ['t1', 't2', 't3'];
const nested = (name: string): NestedParameter =>
  new NestedParameter({
    name,
    fields: [
      new IntParameter({ name: 'foo' }),
      new NestedParameter({ name: 'sub', fields: [new StringParameter({ name: 'x' })] }),
    ],
  });

describe('a parameter', () => {
  const good: readonly [string, BaseParameter, JsonValue, JsonValue][] = [
    ['String', new StringParameter({ name: 'p' }), 'testedvalue', 'testedvalue'],
    ['Text', new TextParameter({ name: 'p' }), 'two\nlines', 'two\nlines'],
    ['File', new FileParameter({ name: 'p' }), 'content', 'content'],
    ['Int', new IntParameter({ name: 'p' }), '123', 123],
    ['Int, from a number', new IntParameter({ name: 'p' }), -4, -4],
    ['Fixed', new FixedParameter({ name: 'p', default: '321' }), '123', '321'],
    ['Boolean', new BooleanParameter({ name: 'p' }), 'True', true],
    ['Boolean, from a boolean', new BooleanParameter({ name: 'p' }), false, false],
    ['Boolean by default', new BooleanParameter({ name: 'p', default: true }), [], true],
    [
      'UserName',
      new UserNameParameter({ name: 'p' }),
      'test <test@buildbot.net>',
      'test <test@buildbot.net>',
    ],
    ['UserName, bare', new UserNameParameter({ name: 'p' }), 'test@buildbot.net', 'test@buildbot.net'],
    [
      'UserName, in brackets',
      new UserNameParameter({ name: 'p' }),
      '<test@buildbot.net>',
      '<test@buildbot.net>',
    ],
    ['Choice', new ChoiceStringParameter({ name: 'p', choices }), 't1', 't1'],
    ['Choice, not strict', new ChoiceStringParameter({ name: 'p', choices, strict: false }), 't9', 't9'],
    [
      'Choice, several',
      new ChoiceStringParameter({ name: 'p', choices, multiple: true }),
      ['t1', 't2'],
      ['t1', 't2'],
    ],
    ['Choice, none of several', new ChoiceStringParameter({ name: 'p', choices, multiple: true }), [], []],
    ['String that matches', new StringParameter({ name: 'p', regex: /^\w+$/ }), 'word', 'word'],
  ];
  test.each(good)('%s', async (_kind, parameter, answer, value) => {
    await (await start({ properties: [parameter] })).force({ owner: 'o', answers: { p: answer } });
    expect((await buildset()).properties).toMatchObject({ p: value });
  });

  const bad: readonly [string, BaseParameter, JsonValue, string][] = [
    [
      'a required String',
      new StringParameter({ name: 'p', required: true }),
      '',
      "'p' needs to be specified",
    ],
    [
      'a long String',
      new StringParameter({ name: 'p', maxsize: 3 }),
      'long',
      "'p' is too long: 4 characters, at most 3",
    ],
    [
      'a long File',
      new FileParameter({ name: 'p', maxsize: 3 }),
      'long',
      "'p' is too long: 4 characters, at most 3",
    ],
    [
      'a String that does not match',
      new StringParameter({ name: 'p', regex: /^a/ }),
      'b',
      "'p' does not match /^a/",
    ],
    ['no Int', new IntParameter({ name: 'p', label: 'P' }), '12x', "'P' must be an integer"],
    ['no Boolean', new BooleanParameter({ name: 'p' }), 'perhaps', "'p' must be true or false"],
    [
      'no UserName',
      new UserNameParameter({ name: 'p' }),
      'test',
      "'p' must be an address like 'User <user@example.org>'",
    ],
    [
      'no Choice',
      new ChoiceStringParameter({ name: 'p', choices }),
      't9',
      "'p' is 't9', expected one of t1, t2, t3",
    ],
    [
      'no Choice among several',
      new ChoiceStringParameter({ name: 'p', choices, multiple: true }),
      ['t1', 't9'],
      "'p' is 't9', expected one of t1, t2, t3",
    ],
  ];
  test.each(bad)('%s is refused', async (_kind, parameter, answer, message) => {
    const scheduler = await start({ properties: [parameter] });
    expect(await errorsOf(scheduler.force({ owner: 'o', answers: { p: answer } }))).toEqual({ p: message });
    expect(await cluster.rows('SELECT id FROM buildsets')).toEqual([]);
  });

  test('groups nest, and one without a name stands for its fields', async () => {
    const any = new AnyPropertyParameter({ name: 'any' });
    const none = new AnyPropertyParameter({ name: 'none' });
    const answers = {
      group_foo: '12',
      group_sub_x: 'y',
      foo: '13',
      sub_x: 'z',
      any_name: 'colour',
      any_value: 'red',
    };
    await (
      await start({ properties: [nested('group'), nested(''), any, none] })
    ).force({ owner: 'o', answers });
    expect((await buildset()).properties).toEqual({
      ...{ owner: 'o', reason: 'force build', scheduler: 'force' },
      ...{ group: { foo: 12, sub: { x: 'y' } }, foo: 13, sub: { x: 'z' }, colour: 'red' },
    });
  });

  test('tells a form what it needs to know', async () => {
    const scheduler = await start({ properties: [nested('group')] });
    expect(new StringParameter({ name: 'p', label: 'P' }).spec()).toEqual({
      ...{ name: 'p', fullName: 'p', label: 'P', type: 'text', default: null, required: false },
      ...{ multiple: false, hide: false, maxsize: null, regex: null },
    });
    expect(scheduler.spec().map(({ fullName, type }) => `${fullName as string} ${type as string}`)).toEqual([
      ...['username username', 'reason text', 'priority fixed', ' codebase', 'group nested'],
    ]);
    expect(JSON.stringify(scheduler.spec())).toContain('"fullName":"group_sub_x"');
  });
});

test('all that is wrong is said at once', async () => {
  const scheduler = await start({
    properties: [new IntParameter({ name: 'n' }), nested('group')],
    reason: new StringParameter({ name: 'reason', required: true }),
  });
  const answers = { username: 'nobody', n: 'x', group_foo: 'y' };
  expect(await errorsOf(scheduler.force({ answers }))).toEqual({
    reason: "'reason' needs to be specified",
    username: "'username' must be an address like 'User <user@example.org>'",
    n: "'n' must be an integer",
    group_foo: "'foo' must be an integer",
  });
});

const refused: readonly [string, () => unknown, string][] = [
  ['an empty name', () => new ForceScheduler('', []), 'needs an identifier'],
  ['a name that is no identifier', () => new ForceScheduler('a b', []), 'needs an identifier'],
  ['builder names that are no list', () => new ForceScheduler('f', 'a' as never), 'as its builderNames'],
  ['properties that are a number', () => force({ properties: 1234 }), 'an array of parameters'],
  ['properties that are numbers', () => force({ properties: [1] }), 'an array of parameters'],
  [
    'mixed properties',
    () => force({ properties: [new IntParameter({ name: 'p' }), 1] }),
    'an array of parameters',
  ],
  ['no codebases', () => force({ codebases: [] }), 'as its codebases'],
  ['codebases by name', () => force({ codebases: { cb: {} } }), 'as its codebases'],
  ['a codebase that is a number', () => force({ codebases: [123] }), 'as its codebases'],
  [
    'a codebase of another kind',
    () => force({ codebases: [new IntParameter({ name: 'p' })] }),
    'as its codebases',
  ],
  ['a reason that is a text', () => force({ reason: 'because' }), 'a parameter as its reason'],
  ['a username that is a text', () => force({ username: 'me' }), 'a parameter as its username'],
  [
    'a priority of another kind',
    () => force({ priority: new StringParameter({ name: 'p' }) }),
    'an IntParameter',
  ],
  [
    'a reserved name',
    () => force({ properties: [new StringParameter({ name: 'owner' })] }),
    'a reserved name',
  ],
  [
    'value',
    () => new StringParameter({ name: 'p', value: 'x' } as never),
    "use 'default' instead of 'value'",
  ],
  ['an unknown option', () => new StringParameter({ name: 'p', size: 2 } as never), "has no option 'size'"],
];

test.each(refused)('%s: refused', (_what, create, message) => {
  expect(create).toThrow(message);
});

function force(options: object): unknown {
  return new ForceScheduler('f', ['a'], options);
}
