// Try_Jobdir: job files of all versions, and a directory from which none is lost or taken twice. Rows of Buildbot's
// test_trysched; where we differ from Buildbot, the test says so.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobDirectory } from '../../src/runtime/job-directory.js';
import { NodeJobDirectory } from '../../src/runtime/node/job-directory.js';
import { parseJob } from '../../src/schedulers/job-file.js';
import { Try_Jobdir } from '../../src/schedulers/try-jobdir.js';
import { TestCluster, type Member } from '../support/cluster.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const file = (...fields: readonly string[]): Uint8Array =>
  bytes(fields.map((field) => `${Buffer.byteLength(field)}:${field},`).join(''));

const NAMED = {
  ...{ jobid: 'job-1', branch: 'branch', revision: 'baserev', patchLevel: 1, patch: 'diff é' },
  ...{ repository: '', project: '', who: '', comment: '', builderNames: ['a', 'b'], properties: {} },
};
const FIRST = ['job-1', 'branch', 'baserev', '1', 'diff é'];
const SECOND = ['repo', 'proj'];
const object = (fields: object = {}): string =>
  JSON.stringify({
    ...{ jobid: 'job-1', branch: 'branch', baserev: 'baserev', patch_level: 1, patch_body: 'diff é' },
    ...{ repository: 'repo', project: 'proj', who: 'who', comment: 'comment', builderNames: ['a', 'b'] },
    ...{ properties: { foo: 'bar' }, ...fields },
  });

describe('a job file', () => {
  const second = { repository: 'repo', project: 'proj' };
  const whole = { ...NAMED, ...second, who: 'who', comment: 'comment', properties: { foo: 'bar' } };
  const nowhere = { branch: null, revision: null };
  const rows: readonly [string, Uint8Array, object][] = [
    ['1', file('1', ...FIRST, 'a', 'b'), NAMED],
    [
      '1 without branch and revision',
      file('1', 'job-1', '', '', '1', 'diff é', 'a', 'b'),
      { ...NAMED, ...nowhere },
    ],
    ['1 without builders', file('1', ...FIRST), { ...NAMED, builderNames: [] }],
    ['2', file('2', ...FIRST, ...SECOND, 'a', 'b'), { ...NAMED, ...second }],
    ['2 without builders', file('2', ...FIRST, ...SECOND), { ...NAMED, ...second, builderNames: [] }],
    ['3', file('3', ...FIRST, ...SECOND, 'who', 'a', 'b'), { ...NAMED, ...second, who: 'who' }],
    ['4', file('4', ...FIRST, ...SECOND, 'who', 'comment', 'a', 'b'), { ...whole, properties: {} }],
    ['5', file('5', object()), whole],
    [
      '5 without branch and revision',
      file('5', object({ branch: '', baserev: '' })),
      { ...whole, ...nowhere },
    ],
    ['5 without builders', file('5', object({ builderNames: [] })), { ...whole, builderNames: [] }],
    ['5 without properties', file('5', object({ properties: undefined })), { ...whole, properties: {} }],
    [
      '6',
      file(
        '6',
        object({ patch_body: undefined, patch_body_base64: Buffer.from('diff é').toString('base64') }),
      ),
      whole,
    ],
  ];
  test.each(rows)('of version %s', (_version, content, job) => {
    expect(parseJob(content)).toEqual(job);
  });

  const bad: readonly [string, Uint8Array, string][] = [
    ['empty', bytes(''), 'it is empty'],
    ['longer than allowed', new Uint8Array(100_000), 'it has 100000 bytes, expected at most 99999'],
    ['no netstring', bytes('hello'), 'it has no netstring at byte 0'],
    ['cut off', bytes('1:1,10:job'), 'its netstring at byte 4 has no end'],
    ['of an unknown version', file('99', 'x'), "its version is '99', expected 1 to 6"],
    ['short of fields', file('4', ...FIRST), 'it has 5 fields, expected at least 9'],
    ['no JSON', file('5', '{'), 'its content is no JSON'],
    ['no object', file('5', '[]'), 'its content is no object'],
    [
      'with a list as its properties',
      file('5', object({ properties: ['x'] })),
      'its properties are no object',
    ],
    [
      'with a number as its branch',
      file('5', object({ branch: 5 })),
      'its branch is a number, expected a text',
    ],
    ['with a word as its level', file('1', 'j', '', '', 'one', 'd'), 'its patch_level is no number'],
    ['no UTF-8', Buffer.from([...bytes('1:'), 0xff, ...bytes(',')]), 'it holds what is no UTF-8 text'],
  ];
  test.each(bad)('that is %s is refused', (_what, content, problem) => {
    expect(() => parseJob(content)).toThrow(problem);
  });
});

class Folders implements JobDirectory {
  readonly files = new Map<string, Uint8Array>();
  readonly moved: string[] = [];

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  async read(name: string): Promise<Uint8Array | null> {
    return this.files.get(name) ?? null;
  }

  async move(name: string, to: 'cur' | 'bad'): Promise<void> {
    if (this.files.delete(name)) this.moved.push(`${to}/${name}`);
  }
}

describe('Try_Jobdir', () => {
  let cluster: TestCluster;
  let member: Member;
  let folders: Folders;

  beforeEach(async () => {
    cluster = await TestCluster.create();
    folders = new Folders();
    cluster.openJobDirectory = () => folders;
  });

  afterEach(() => cluster.close());

  async function start(name = 'master-a'): Promise<void> {
    member = await cluster.start([new Try_Jobdir('try', ['a', 'b'], { jobdir: 'jobs' })], { name });
  }

  async function built(): Promise<readonly unknown[]> {
    return cluster.rows('SELECT reason, external_idstring, trigger_key FROM buildsets ORDER BY id');
  }

  test('a job is built within a poll, from its stamp with its patch, and moved to cur', async () => {
    await start();
    folders.files.set('1', file('5', object()));
    await cluster.pass(10);
    expect(await built()).toEqual([
      { reason: "'try' job by user who", external_idstring: 'job-1', trigger_key: 'job:1' },
    ]);
    expect(
      await cluster.rows('SELECT branch, revision, repository, project, patch FROM sourcestamps'),
    ).toEqual([
      {
        ...{ branch: 'branch', revision: 'baserev', repository: 'repo', project: 'proj' },
        patch: '{"body":"diff é","level":1,"author":"who","comment":"comment","subdir":""}',
      },
    ]);
    expect(
      await cluster.rows("SELECT property_value FROM buildset_properties WHERE property_name = 'foo'"),
    ).toEqual([{ property_value: '["bar","try build"]' }]);
    expect(folders.moved).toEqual(['cur/1']);
  });

  test('it is built by the builders that it names, or by all; one that is unknown makes it bad', async () => {
    folders.files.set('1', file('1', ...FIRST, 'b'));
    folders.files.set('2', file('1', ...FIRST));
    folders.files.set('3', file('1', ...FIRST, 'b', 'unknown'));
    await start();
    await cluster.pass(0);
    const requests = await cluster.rows(
      'SELECT r.buildsetid AS bsid, b.name FROM buildrequests r JOIN builders b ON b.id = r.builderid ORDER BY r.id',
    );
    expect(requests.map(({ bsid, name }) => `${bsid} ${name}`)).toEqual(['1 b', '2 a', '2 b']);
    expect(folders.moved).toEqual(['cur/1', 'cur/2', 'bad/3']);
  });

  test('what is no job is set aside with one message, and holds no other up', async () => {
    folders.files.set('1', bytes('garbage'));
    folders.files.set('2', file('5', object()));
    await start();
    await cluster.pass(100);
    expect(folders.moved).toEqual(['bad/1', 'cur/2']);
    expect(member.runtime.complaints).toEqual([
      "error: job file '1' of 'try' is set aside: bad-job-file: it has no netstring at byte 0",
    ]);
  });

  test('a job whose buildset could not be made stays, unlike in Buildbot, which loses it (B21)', async () => {
    await start();
    member.driver.cut();
    folders.files.set('1', file('5', object()));
    await cluster.pass(35);
    expect([...folders.files.keys()]).toEqual(['1']);
    member.driver.mend();
    await cluster.pass(90);
    expect(await built()).toHaveLength(1);
    expect(folders.moved).toEqual(['cur/1']);
  });

  test('a job whose file outlived its buildset is not built twice', async () => {
    await start();
    folders.files.set('1', file('5', object()));
    await cluster.pass(10);
    await member.master.stop();
    folders.files.set('1', file('5', object()));
    await start('master-b');
    await cluster.pass(10);
    expect(await built()).toHaveLength(1);
    expect(folders.moved).toEqual(['cur/1', 'cur/1']);
  });

  test('a disabled one leaves jobs where they are', async () => {
    await start();
    await member.master.data.schedulerEnable(1, false);
    folders.files.set('1', file('5', object()));
    await cluster.pass(100);
    expect([...folders.files.keys()]).toEqual(['1']);
    await member.master.data.schedulerEnable(1, true);
    await cluster.pass(10);
    expect(await built()).toHaveLength(1);
  });
});

describe('a directory of this machine', () => {
  test('offers whole files in new, makes its folders, and minds no file that is gone', async () => {
    const path = mkdtempSync(join(tmpdir(), 'standin-jobs-'));
    try {
      const directory = new NodeJobDirectory(join(path, 'jobs'));
      expect(await directory.list()).toEqual([]);
      writeFileSync(join(path, 'jobs', 'tmp', 'c'), 'unfinished');
      for (const name of ['b', 'a']) writeFileSync(join(path, 'jobs', 'new', name), name);
      expect(await directory.list()).toEqual(['a', 'b']);
      expect(Buffer.from((await directory.read('b')) ?? []).toString()).toBe('b');
      expect(await directory.read('c')).toBeNull();
      await directory.move('b', 'cur');
      await directory.move('b', 'bad');
      await directory.move('a', 'bad');
      expect(await directory.list()).toEqual([]);
      expect([readdirSync(join(path, 'jobs', 'cur')), readdirSync(join(path, 'jobs', 'bad'))]).toEqual([
        ['b'],
        ['a'],
      ]);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  });
});
