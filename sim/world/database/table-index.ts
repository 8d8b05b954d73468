// Which tables a statement may touch, read from its text.
//
// They are a superset: every word of the text that is a table's name counts as read. That errs towards checking a
// transaction once too often, never towards missing a conflict.

import { withoutLiterals } from '../../../src/db/statement-kind.js';

/** A set of tables in 32 bits. Beyond 32 tables two may share a bit, which again only makes the set larger. */
export type TableSet = number;

export const ALL_TABLES: TableSet = -1;

/** Maps statements to the tables they name. */
export class TableIndex {
  readonly #bits = new Map<string, TableSet>();
  readonly #hasCascades: boolean;

  /** `schema`: the CREATE statements. With cascading foreign keys a write may touch any table. */
  constructor(schema: readonly string[]) {
    for (const sql of schema) {
      const name = /^\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)/i.exec(sql)?.[1];
      if (name !== undefined) this.#bits.set(name.toLowerCase(), 1 << (this.#bits.size % 32));
    }
    this.#hasCascades = schema.some((sql) => /\bON\s+(DELETE|UPDATE)\s+(CASCADE|SET)\b/i.test(sql));
  }

  /** The tables of the schema, in lower case. */
  get names(): readonly string[] {
    return [...this.#bits.keys()];
  }

  /** Every table that `sql` names. */
  named(sql: string): TableSet {
    let tables: TableSet = 0;
    for (const word of withoutLiterals(sql).match(/\w+/g) ?? [])
      tables |= this.#bits.get(word.toLowerCase()) ?? 0;
    return tables;
  }

  /** The table that `sql`, of kind `write`, changes. */
  written(sql: string): TableSet {
    if (this.#hasCascades) return ALL_TABLES;
    const target = /\b(?:INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)/i.exec(withoutLiterals(sql))?.[1] ?? '';
    return this.#bits.get(target.toLowerCase()) ?? ALL_TABLES;
  }
}
