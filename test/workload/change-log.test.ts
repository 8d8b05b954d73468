// The .jsonl format of histories: what is accepted, what is refused, and that the message leads to the line.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  changeLogSha256,
  formatChangeLog,
  loadChanges,
  parseChangeLog,
  readChangeLog,
} from '../../sim/workload/change-log.js';
import { ChangeLogError, type LoggedChange } from '../../sim/workload/logged-change.js';

const FIRST: LoggedChange = {
  revision: 'a1',
  when: 10,
  author: 'dev-1',
  branch: 'master',
  files: ['README.md'],
};
const SECOND: LoggedChange = { revision: 'b2', when: 12, author: 'dev-2', branch: 'pr-7', files: [] };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'standin-log-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what was written is read back, and written again it gives the same bytes', () => {
  const file = join(folder, 'two.jsonl');
  writeFileSync(file, formatChangeLog([FIRST, SECOND]));
  expect(readChangeLog(file)).toEqual([FIRST, SECOND]);
  expect(formatChangeLog(readChangeLog(file))).toBe(readFileSync(file, 'utf8'));
  expect(loadChanges(file)).toEqual([FIRST, SECOND]);
});

test('empty lines and line ends of other systems are passed over, unknown keys are dropped', () => {
  const text = `\n${JSON.stringify({ ...FIRST, note: 'x' })}\r\n\r\n${JSON.stringify(SECOND)}`;
  expect(parseChangeLog(text, 'log')).toEqual([FIRST, SECOND]);
});

describe('a corrupt line is refused with its number', () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['text that is cut off', '{"revision":"c3","when":1', /^log:3: not valid JSON$/],
    ['an array', '[]', /^log:3: expected an object, got \[\]$/],
    ['no revision', JSON.stringify({ ...SECOND, revision: undefined }), /^log:3: 'revision' must be a non-empty string, got nothing$/],
    ['an empty author', JSON.stringify({ ...SECOND, author: '' }), /^log:3: 'author' must be a non-empty string, got ""$/],
    ['a branch that is null', JSON.stringify({ ...SECOND, branch: null }), /^log:3: 'branch' must be a non-empty string, got null$/],
    ['a date for a time', JSON.stringify({ ...SECOND, when: '2026-01-05' }), /^log:3: 'when' must be whole seconds since the epoch, got "2026-01-05"$/],
    ['a fraction of a second', JSON.stringify({ ...SECOND, when: 1.5 }), /^log:3: 'when' must be whole seconds/],
    ['a file that is a number', JSON.stringify({ ...SECOND, files: [1] }), /^log:3: 'files' must be an array of at most 40 non-empty strings, got \[1\]$/],
    ['41 files', JSON.stringify({ ...SECOND, files: Array.from({ length: 41 }, (_, i) => `f${i}`) }), /^log:3: 'files' must be an array of at most 40/],
    ['a revision that came before', JSON.stringify({ ...SECOND, revision: 'a1' }), /^log:3: revision a1 stands in line 1 already$/],
  ]; // prettier-ignore
  test.each(wrong)('%s', (_, line, message) => {
    const text = `${JSON.stringify(FIRST)}\n${JSON.stringify(SECOND)}\n${line}\n`;
    expect(() => parseChangeLog(text, 'log')).toThrow(message);
    expect(() => parseChangeLog(text, 'log')).toThrow(ChangeLogError);
  });
});

test('a history without a change, a missing file and a folder without a repository are refused by name', () => {
  expect(() => parseChangeLog('\n\n', 'empty.jsonl')).toThrow('empty.jsonl holds no change');
  const missing = join(folder, 'missing.jsonl');
  expect(() => loadChanges(missing)).toThrow(`there is no file or folder ${missing}`);
  expect(() => readChangeLog(missing)).toThrow(`${missing} cannot be read`);
  expect(() => loadChanges(folder)).toThrow(`${folder} is no git repository with a commit`);
});

test('the sha256 of a file changes with any of its bytes', () => {
  const file = join(folder, 'sum.jsonl');
  writeFileSync(file, 'abc');
  expect(changeLogSha256(file)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  writeFileSync(file, 'abd');
  expect(changeLogSha256(file)).not.toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
