// Database URLs.

import { describe, expect, test } from 'vitest';
import { openDatabase, parseDatabaseUrl } from '../../src/db/open-database.js';
import { TestRuntime } from '../support/test-runtime.js';

describe('a database URL', () => {
  test.each([
    ['sqlite:', { kind: 'memory' }],
    ['sqlite://', { kind: 'memory' }],
    ['sqlite:state.sqlite', { kind: 'file', path: 'state.sqlite' }],
    ['sqlite:a folder/state.sqlite', { kind: 'file', path: 'a folder/state.sqlite' }],
    ['sqlite:/var/lib/state.sqlite', { kind: 'file', path: '/var/lib/state.sqlite' }],
    ['sqlite:///var/lib/state.sqlite', { kind: 'file', path: '/var/lib/state.sqlite' }],
    [
      'postgres://me:pw@host:5433/ci',
      { kind: 'postgres', url: 'postgres://me:pw@host:5433/ci', namespace: null },
    ],
    ['postgresql://host/ci', { kind: 'postgres', url: 'postgresql://host/ci', namespace: null }],
    [
      'postgres://host/ci?sslmode=require&namespace=standin',
      { kind: 'postgres', url: 'postgres://host/ci?sslmode=require', namespace: 'standin' },
    ],
  ])('%s names its database', (url, location) => {
    expect(parseDatabaseUrl(url)).toEqual(location);
  });

  test.each([
    ['', /expected sqlite:/],
    ['state.sqlite', /expected sqlite:/],
    ['mysql://host/ci', /"mysql:\/\/host\/ci" cannot be used: expected sqlite:/],
    ['postgress://host/ci', /did you mean.*postgres/],
    ['sqlite://host/state.sqlite', /a file has no host/],
    ['sqlite:state.sqlite?mode=ro', /no \?/],
    ['postgres://host:port/ci', /expected postgres:/],
    ['postgres://host/ci?namespace=', /the namespace is empty/],
  ])('%s is refused', (url, message) => {
    expect(() => parseDatabaseUrl(url)).toThrow(message);
  });

  test('that is refused does not show its password', () => {
    expect(() => parseDatabaseUrl('postgres://me:secret@host:port/ci')).toThrow(
      'postgres://me:***@host:port/ci',
    );
  });

  test('opens an empty database', async () => {
    const driver = await openDatabase('sqlite:', new TestRuntime().clock);
    const session = await driver.open();
    const tables = await session.run([{ sql: 'SELECT name FROM sqlite_master', values: [] }]);
    expect(tables[0]?.rows).toEqual([]);
    driver.close();
  });
});
