// What is owed a buildset besides changes: calls that were accepted, job files that were put into a directory, buildsets
// of an upstream scheduler that ended well, triggers that wait for a slot. And who waits for the results of a call is owed
// these when its buildset is complete.
//
// It holds what is owed, who waits, and the ids of the calls that were kept.

import { decodeJson } from '../../src/core/json.js';
import { SUCCESS, WARNINGS } from '../../src/core/results.js';
import type {
  CallHistoryEvent,
  CommitHistoryEvent,
  JobHistoryEvent,
  ObservedScheduler,
  OracleContext,
  Row,
  RowChange,
} from './history.js';
import { BuildsetOwners, integer, SchedulerRows, textOrNull } from './rows.js';

/** Something that has to come of something else. */
export interface Debt {
  readonly scheduler: ObservedScheduler;
  /** `job job-3`: what the sentence is about. */
  readonly what: string;
  /** What did not become of it: `is in no buildset`. */
  readonly lack: string;
  readonly sinceUs: number;
  /** A slot has to come first. */
  readonly needsSlot: boolean;
}

export class OwedTriggers {
  /** How often something was owed. */
  count = 0;
  readonly #schedulers: readonly ObservedScheduler[];
  readonly #rows = new SchedulerRows();
  readonly #owners = new BuildsetOwners();
  /** By scheduler and key. */
  readonly #debts = new Map<string, Debt>();
  /** Calls that have a buildset, and whether that is complete. */
  readonly #called = new Map<string, boolean>();
  /** Calls that wait for a slot, or did. */
  readonly #queued = new Set<string>();
  /** Who waits for the results of a call. */
  readonly #waiting = new Map<string, { readonly scheduler: ObservedScheduler; readonly key: string }>();

  constructor(context: OracleContext) {
    this.#schedulers = context.schedulers;
  }

  get open(): Iterable<Debt> {
    return this.#debts.values();
  }

  /** The debts that this commit settled; those that it can never settle any more are named by `isLost`. */
  commit(commit: CommitHistoryEvent): readonly (Debt & { readonly isLost: boolean })[] {
    this.#rows.learn(commit);
    this.#owners.learn(commit);
    const settled: (Debt & { readonly isLost: boolean })[] = [];
    const settle = (id: string, isLost: boolean): void => {
      const debt = this.#debts.get(id);
      if (debt === undefined) return;
      this.#debts.delete(id);
      settled.push({ ...debt, isLost });
    };
    const built = new Set<string>();
    for (const { table, op, old, row } of commit.rows) {
      if (table !== 'buildsets' || row === null) continue;
      const name = this.#rows.nameOf(this.#owners.schedulerIdOf(integer(row, 'id')) ?? 0);
      if (op === 'insert') built.add(name);
      if (op === 'insert') this.#build(name, row, settle);
      if (row['complete'] === 1 && old?.['complete'] !== 1) this.#complete(name, row, commit.atUs);
    }
    for (const change of commit.rows)
      if (change.table === 'queue_messages') this.#message(change, commit.atUs, built, settle);
    return settled;
  }

  call({ scheduler: name, key, what, atUs }: CallHistoryEvent): void {
    const scheduler = this.#schedulers.find((one) => one.name === name);
    if (scheduler === undefined) return;
    const id = idOf(name, key);
    const answer = `${id} results`;
    if (what === 'answered') {
      this.#waiting.delete(id);
      this.#debts.delete(answer);
      return;
    }
    const isKept = this.#called.has(id) || this.#queued.has(id);
    if (what === 'accepted' && !isKept) this.#owe(id, { scheduler, what: `the accepted ${key}`, atUs });
    if (what !== 'waits') return;
    this.#waiting.set(id, { scheduler, key });
    this.#debts.delete(answer);
    if (this.#called.get(id) === true) this.#oweAnswer(id, atUs);
  }

  job({ jobdir, name, atUs }: JobHistoryEvent): void {
    const scheduler = this.#schedulers.find(
      ({ triggers }) => triggers.kind === 'jobs' && triggers.jobdir === jobdir,
    );
    if (scheduler === undefined) return;
    const key = `job:${name}`;
    this.#owe(idOf(scheduler.name, key), { scheduler, what: key, atUs });
  }

  #build(name: string, row: Row, settle: (id: string, isLost: boolean) => void): void {
    const key = textOrNull(row, 'trigger_key');
    if (key === null) return;
    const id = idOf(name, key);
    if (key.startsWith('call:')) this.#called.set(id, false);
    settle(id, false);
  }

  #complete(name: string, row: Row, atUs: number): void {
    const bsid = integer(row, 'id');
    const id = idOf(name, textOrNull(row, 'trigger_key') ?? '');
    if (this.#called.has(id)) this.#called.set(id, true);
    if (this.#waiting.has(id)) this.#oweAnswer(id, atUs);
    const results = integer(row, 'results');
    if (results !== SUCCESS && results !== WARNINGS) return;
    for (const scheduler of this.#schedulers) {
      const { triggers } = scheduler;
      if (triggers.kind !== 'upstream' || triggers.upstream !== name) continue;
      if (this.#rows.byName(scheduler.name) === undefined) continue; // its queue begins with its row
      const key = `upstream:${bsid}`;
      this.#owe(idOf(scheduler.name, key), { scheduler, what: key, atUs });
    }
  }

  #message(
    { op, old, row }: RowChange,
    atUs: number,
    built: ReadonlySet<string>,
    settle: (id: string, isLost: boolean) => void,
  ): void {
    const message = row ?? old ?? {};
    const [kind, name = ''] = decodeJson(textOrNull(message, 'routing_key') ?? '[]', 'a key') as string[];
    if (kind !== 'triggers') return;
    const scheduler = this.#schedulers.find((one) => one.name === name);
    if (scheduler?.triggers.kind !== 'calls-by-slot') return;
    const { callId } = decodeJson(textOrNull(message, 'body') ?? '{}', 'a trigger') as { callId: string };
    const id = idOf(name, `message ${integer(message, 'id')}`);
    if (op === 'delete') settle(id, !built.has(name));
    if (op !== 'insert') return;
    this.#queued.add(idOf(name, callId));
    this.#debts.delete(idOf(name, callId));
    this.#owe(id, { scheduler, what: `trigger ${callId}`, atUs, needsSlot: true });
  }

  #oweAnswer(id: string, atUs: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    const { scheduler, key } = waiting;
    const what = `who waits for ${key}`;
    this.#owe(`${id} results`, { scheduler, what, atUs, lack: 'has not been told its results' });
  }

  #owe(
    id: string,
    debt: Pick<Debt, 'scheduler' | 'what'> & {
      readonly atUs: number;
      readonly lack?: string;
      readonly needsSlot?: boolean;
    },
  ): void {
    const { scheduler, what, atUs, lack = 'is in no buildset', needsSlot = false } = debt;
    this.count++;
    this.#debts.set(id, { scheduler, what, lack, sinceUs: atUs, needsSlot });
  }
}

function idOf(scheduler: string, key: string): string {
  return `${scheduler}\0${key}`;
}
