// The database that a URL names: `sqlite:` (in the memory of this process), `sqlite:path` or `sqlite:///path` (a file), or
// `postgres://user@host:port/database`, with `?namespace=name` for tables that are not in the server's default schema.

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import type { Clock } from '../runtime/clock.js';
import type { MigratableDriver } from './migrate.js';
import { PostgresDriver } from './postgres/driver.js';
import { FileDriver } from './sqlite/file-driver.js';
import { MemoryDriver } from './sqlite/memory-driver.js';

/** What a URL names. */
export type DatabaseLocation =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly namespace: string | null };

/** A driver on a real database, to be closed after use. */
export interface RealDriver extends MigratableDriver {
  close(): void;
}

const SCHEMES = ['sqlite', 'postgres', 'postgresql'] as const;

/** @throws ConfigError that shows the URL without its password */
export function parseDatabaseUrl(url: string): DatabaseLocation {
  const [, scheme = '', rest = ''] = /^([A-Za-z][\w+.-]*):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case 'sqlite':
      return sqliteLocation(url, rest);
    case 'postgres':
    case 'postgresql':
      return postgresLocation(url);
    default:
      throw refused(
        url,
        `expected sqlite:, sqlite:path or postgres://host/database${nearest(scheme, SCHEMES)}`,
      );
  }
}

/** Opens nothing on PostgreSQL yet; a file is created when it is not there. @throws ConfigError */
export async function openDatabase(url: string, clock: Clock): Promise<RealDriver> {
  const location = parseDatabaseUrl(url);
  switch (location.kind) {
    case 'memory':
      return MemoryDriver.create([]);
    case 'file':
      return FileDriver.create(location.path, clock);
    default:
      return postgresDriver(location, false);
  }
}

/** Opens the database at `url` for reading only: a standby of PostgreSQL will do. @throws ConfigError */
export async function openReplica(url: string, clock: Clock): Promise<RealDriver> {
  const location = parseDatabaseUrl(url);
  return location.kind === 'postgres' ? postgresDriver(location, true) : openDatabase(url, clock);
}

function postgresDriver(
  { url, namespace }: Extract<DatabaseLocation, { readonly kind: 'postgres' }>,
  isReadOnly: boolean,
): RealDriver {
  return new PostgresDriver({ url, ...(namespace !== null && { namespace }), isReadOnly });
}

function sqliteLocation(url: string, rest: string): DatabaseLocation {
  if (rest === '' || rest === '//') return { kind: 'memory' };
  if (rest.startsWith('//') && !rest.startsWith('///'))
    throw refused(url, 'a file has no host: expected sqlite:path, or sqlite:/// and an absolute path');
  if (/[?#\0]/.test(rest)) throw refused(url, 'the path of a file has no ?, # or NUL here');
  return { kind: 'file', path: rest.startsWith('///') ? rest.slice(2) : rest };
}

function postgresLocation(url: string): DatabaseLocation {
  if (!URL.canParse(url)) throw refused(url, 'expected postgres://user:password@host:port/database');
  const parsed = new URL(url);
  const namespace = parsed.searchParams.get('namespace');
  if (namespace === '') throw refused(url, 'the namespace is empty');
  parsed.searchParams.delete('namespace');
  return { kind: 'postgres', url: parsed.href, namespace };
}

function refused(url: string, why: string): ConfigError {
  return new ConfigError(`the database ${JSON.stringify(withoutPassword(url))} cannot be used: ${why}`);
}

function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^/@:]*):[^/@]*@/, '$1:***@');
}
