// Which changes a filter accepts.

import { expect, test } from 'vitest';
import type { Change } from '../../src/db/changes.js';
import { ChangeFilter, type ChangeFilterOptions } from '../../src/schedulers/change-filter.js';

const CHANGE: Change = {
  changeid: 1,
  committer: null,
  author: 'dustin',
  files: [],
  comments: '',
  branch: 'master',
  revision: null,
  revlink: null,
  category: null,
  repository: 'git://warner',
  project: 'Buildbot',
  codebase: 'mainapp',
  when: 0,
  properties: {},
  parentChangeid: null,
  sourcestampid: 1,
};

const table: readonly [string, ChangeFilterOptions, boolean][] = [
  ['no condition', {}, true],
  ['an equal text', { branch: 'master' }, true],
  ['another text', { branch: 'mast' }, false],
  ['a list that has it', { branch: ['devel', 'master'] }, true],
  ['a list that has it not', { branch: ['devel', null] }, false],
  ['an empty list', { branch: [] }, false],
  ['null, which is the default', { category: null }, true],
  ['null, where there is something', { branch: null }, false],
  ['a list with null', { category: ['x', null] }, true],
  ['an expression that is found anywhere', { repository: /warn/ }, true],
  ['an expression that is not found', { repository: /^warn/ }, false],
  ['an expression where there is nothing', { category: /./ }, false],
  ['all of several conditions', { branch: 'master', project: 'Buildbot', codebase: 'mainapp' }, true],
  ['all but one of several conditions', { branch: 'master', project: 'other' }, false],
  ['a function that accepts', { accepts: (change) => change.author === 'dustin' }, true],
  ['a function that refuses what else would pass', { branch: 'master', accepts: () => false }, false],
  [
    'a condition that is undefined counts as none',
    { branch: undefined } as unknown as ChangeFilterOptions,
    true,
  ],
];

test.each(table)('%s', (_name, options, expected) => {
  expect(new ChangeFilter(options).accepts(CHANGE)).toBe(expected);
});

test('an expression that remembers where it was is asked from the beginning each time', () => {
  const filter = new ChangeFilter({ branch: /master/g });
  expect([1, 2, 3].map(() => filter.accepts(CHANGE))).toEqual([true, true, true]);
});
