// A database in the memory of this process (sql.js), for a master on its own and for tests: what it holds is gone with it.
// There are no time-outs here: a transaction that never ends holds up all others until its session is closed.

import initSqlJs, { type Database, type Statement as SqlJsStatement } from 'sql.js';
import type { Row, SqlValue, StatementResult } from '../driver.js';
import { SCHEMA } from '../schema.js';
import type { StatementKind } from '../statement-kind.js';
import { IN_MEMORY_PRAGMAS, refuseByteOrderMarks, sqliteError, sqliteSchema } from './dialect.js';
import { SqliteDriver, type SqliteEngine } from './driver.js';

export class MemoryDriver extends SqliteDriver {
  /** A new database that holds `schema` and nothing else. `close` it, or its memory is never freed. */
  static async create(schema: readonly string[] = SCHEMA): Promise<MemoryDriver> {
    const sqlJs = await initSqlJs();
    return new MemoryDriver(new MemoryEngine(new sqlJs.Database(), sqliteSchema(schema)), null);
  }
}

class MemoryEngine implements SqliteEngine {
  readonly #database: Database;
  readonly #compiled = new Map<string, SqlJsStatement>();

  constructor(database: Database, schema: readonly string[]) {
    this.#database = database;
    database.exec(IN_MEMORY_PRAGMAS);
    for (const sql of schema) database.exec(sql);
  }

  execute(sql: string, values: readonly SqlValue[], kind: StatementKind): StatementResult {
    refuseByteOrderMarks(values, sql);
    try {
      const rows = this.#rows(sql, values);
      if (kind === 'schema') this.#forgetCompiled();
      return { rows, changes: kind === 'write' ? this.#database.getRowsModified() : 0 };
    } catch (error) {
      throw sqliteError(error, sql);
    }
  }

  async begin(): Promise<void> {
    this.#database.exec('BEGIN');
  }

  close(): void {
    this.#database.close();
  }

  #rows(sql: string, values: readonly SqlValue[]): readonly Row[] {
    let handle = this.#compiled.get(sql);
    if (handle === undefined) this.#compiled.set(sql, (handle = this.#database.prepare(sql)));
    const rows: Row[] = [];
    try {
      if (values.length > 0) handle.bind([...values]);
      while (handle.step()) rows.push(handle.getAsObject() as Row);
    } finally {
      handle.reset();
    }
    return rows;
  }

  /** Compiled statements know the columns of the schema that they were compiled for. */
  #forgetCompiled(): void {
    for (const handle of this.#compiled.values()) handle.free();
    this.#compiled.clear();
  }
}
