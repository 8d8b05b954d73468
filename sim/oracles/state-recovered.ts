// G7 state-recovered: each state key of a scheduler is a linearizable register, and a counter grows by one a commit.
//
// A read must return a value that was current at some instant between its start and its end; both ends count, since
// several events may share a microsecond. A key holds its last 256 versions; a read that reaches back beyond them and
// agrees with none is not judged.

import { decodeJson } from '../../src/core/json.js';
import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type RowChange,
  type StateReadHistoryEvent,
  type Violation,
} from './history.js';
import { integer, SchedulerObjects, textOrNull } from './rows.js';
import { nameProcess, nameValue } from './sentences.js';

const NAME = 'state-recovered';
const KEPT_VERSIONS = 256;

export const stateRecovered: Oracle = {
  name: NAME,
  needs: 'state',
  start: (context) => new StateRecoveredRun(context),
};

/** A value and the instant from which on it was current; null = absent. */
interface Version {
  readonly value: string | null;
  readonly sinceUs: number;
}

class StateRecoveredRun implements OracleRun {
  checks = 0;
  readonly #objects: SchedulerObjects;
  readonly #counters: ReadonlyMap<string, readonly string[]>;
  /** Versions by scheduler and key, oldest first. */
  readonly #registers = new Map<string, Map<string, Version[]>>();

  constructor(context: OracleContext) {
    this.#objects = new SchedulerObjects(context.schedulers.map((scheduler) => scheduler.name));
    this.#counters = new Map(context.schedulers.map((scheduler) => [scheduler.name, scheduler.counterKeys]));
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind === 'state-read') return this.#read(event);
    if (event.kind !== 'commit') return NO_VIOLATIONS;
    this.#objects.learn(event);
    const violations: Violation[] = [];
    for (const change of event.rows) {
      if (change.table === 'object_state') this.#write(event, change, violations);
    }
    return violations;
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }

  #write(commit: CommitHistoryEvent, change: RowChange, violations: Violation[]): void {
    const row = change.row ?? change.old ?? {};
    const scheduler = this.#objects.schedulerOf(integer(row, 'objectid'));
    const key = textOrNull(row, 'name');
    if (scheduler === undefined || key === null) return;
    const versions = this.#versionsOf(scheduler, key);
    const before = versions.at(-1)?.value ?? null;
    const after = change.row === null ? null : textOrNull(change.row, 'value_json');
    versions.push({ value: after, sinceUs: commit.atUs });
    if (versions.length > KEPT_VERSIONS) versions.shift();
    if (this.#counters.get(scheduler)?.includes(key) !== true) return;
    this.checks++;
    const wanted = (before === null ? 0 : countOf(before)) + 1;
    if (after !== null && countOf(after) === wanted) return;
    const message =
      `${nameProcess(commit)} committed counter ${key} of scheduler ${scheduler} as ${nameValue(after)} at ` +
      `${formatUs(commit.atUs)}, after ${nameValue(before)}; it grows by one a commit`;
    violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: `${scheduler} ${key}` });
  }

  #read(read: StateReadHistoryEvent): readonly Violation[] {
    const { scheduler, key, value, fromUs, atUs } = read;
    const versions = this.#registers.get(scheduler)?.get(key) ?? [ABSENT];
    const current = currentIn(versions, fromUs, atUs);
    const isCut = (versions[0]?.sinceUs ?? 0) > fromUs;
    if (isCut && !current.includes(value)) return NO_VIOLATIONS;
    this.checks++;
    if (current.includes(value)) return NO_VIOLATIONS;
    const message =
      `${nameProcess(read)} read ${key} of scheduler ${scheduler} as ${nameValue(value)} at ${formatUs(atUs)}; ` +
      `since the read began at ${formatUs(fromUs)} it was ${current.map(nameValue).join(', then ')}`;
    return [{ guarantee: NAME, atUs, message, subject: `${scheduler} ${key}` }];
  }

  #versionsOf(scheduler: string, key: string): Version[] {
    const registers = this.#registers.get(scheduler) ?? new Map<string, Version[]>();
    this.#registers.set(scheduler, registers);
    const versions = registers.get(key) ?? [ABSENT];
    registers.set(key, versions);
    return versions;
  }
}

const ABSENT: Version = { value: null, sinceUs: 0 };

/** The values that were current at some instant of [fromUs, atUs], oldest first. */
function currentIn(versions: readonly Version[], fromUs: number, atUs: number): (string | null)[] {
  const values: (string | null)[] = [];
  let untilUs = Number.POSITIVE_INFINITY;
  for (let i = versions.length - 1; i >= 0 && untilUs >= fromUs; i--) {
    const version = versions[i] ?? ABSENT;
    if (version.sinceUs <= atUs) values.unshift(version.value);
    untilUs = version.sinceUs;
  }
  return values;
}

/** The number that a counter's JSON text holds; NaN, which equals nothing, when it is none. */
function countOf(text: string): number {
  const value = decodeJson(text, 'the value of a counter');
  return typeof value === 'number' ? value : Number.NaN;
}
