// G8 slot-once: a slot is built at most once in the cluster, at an instant that its scheduler's rule names, and none that
// could be built is left out.
//
// A buildset of a timed scheduler names its slot in its trigger key. Lines of a calendar are judged by a second
// implementation; the slots of a period are a grid, wherever it begins. While nothing goes wrong for long enough, every slot
// must be built soon after it is due. A slot that the state calls built, must be.

import { formatUs } from '../report/virtual-time.js';
import { CronReference } from './cron-reference.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type ObservedScheduler,
  type ObservedSlots,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type Row,
  type Violation,
} from './history.js';
import { BuildsetOwners, integer, SchedulerObjects, SchedulerRows, textOrNull } from './rows.js';

const NAME = 'slot-once';
const LAST_BUILD = 'last_build';
/** How late a slot may be built while all is well. */
const PROMPT_US = 15_000_000;

export const slotOnce: Oracle = {
  name: NAME,
  start: (context) => new SlotOnceRun(context),
};

/** What is known of one timed scheduler; slots in milliseconds since the epoch. */
interface Timetable {
  readonly name: string;
  readonly slots: ObservedSlots;
  readonly reference: CronReference | null;
  /** Slot to buildset. */
  readonly built: Map<number, number>;
  /** A slot that the state calls built while no buildset bears it. */
  claimedMs: number | null;
  firstMs: number | null;
  lastBuiltUs: number;
  enabledSinceUs: number;
  isEnabled: boolean;
}

class SlotOnceRun implements OracleRun {
  checks = 0;
  readonly #context: OracleContext;
  readonly #tables: ReadonlyMap<string, Timetable>;
  readonly #schedulers = new SchedulerRows();
  readonly #owners = new BuildsetOwners();
  readonly #objects: SchedulerObjects;
  /** Faults that last, and when the last thing went wrong. */
  #open = 0;
  #disturbedUs = 0;

  constructor(context: OracleContext) {
    this.#context = context;
    const timed = context.schedulers.flatMap((scheduler) => timetableOf(scheduler));
    this.#tables = new Map(timed.map((table) => [table.name, table]));
    this.#objects = new SchedulerObjects([...this.#tables.keys()]);
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (this.#tables.size === 0) return NO_VIOLATIONS;
    if (event.kind === 'commit') return this.#commit(event);
    const isDisturbance = event.kind === 'fault' || event.kind === 'phase' || event.kind === 'life';
    if (!isDisturbance) return NO_VIOLATIONS;
    const violations = this.#judgeQuiet(event.atUs);
    this.#disturbedUs = event.atUs;
    if (event.kind === 'fault') this.#open += event.phase === 'start' ? 1 : -1;
    return violations;
  }

  finish(atUs: number): readonly Violation[] {
    const claimed = [...this.#tables.values()].flatMap((table) => this.#judgeClaimed(table, atUs));
    return [...this.#judgeQuiet(atUs), ...claimed];
  }

  #commit(commit: CommitHistoryEvent): readonly Violation[] {
    this.#schedulers.learn(commit);
    this.#owners.learn(commit);
    this.#objects.learn(commit);
    const violations: Violation[] = [];
    for (const { table, op, row } of commit.rows) {
      if (row === null) continue;
      if (table === 'schedulers') this.#follow(row, commit.atUs);
      if (table === 'buildsets' && op === 'insert') this.#build(row, commit.atUs, violations);
    }
    for (const { table, row } of commit.rows)
      if (table === 'object_state' && row?.['name'] === LAST_BUILD) this.#claim(row, commit.atUs, violations);
    return violations;
  }

  #follow(row: Row, atUs: number): void {
    const table = this.#tables.get(textOrNull(row, 'name') ?? '');
    if (table === undefined) return;
    const isEnabled = integer(row, 'enabled') !== 0;
    if (isEnabled !== table.isEnabled) table.enabledSinceUs = atUs;
    table.isEnabled = isEnabled;
  }

  #build(row: Row, atUs: number, violations: Violation[]): void {
    const bsid = integer(row, 'id');
    const table = this.#tables.get(this.#schedulers.nameOf(this.#owners.schedulerIdOf(bsid) ?? 0));
    if (table === undefined) return;
    this.checks++;
    const slotMs = slotOf(textOrNull(row, 'trigger_key'));
    const problem = slotMs === null ? 'names no slot' : this.#problemOf(table, slotMs, atUs);
    const quietUs = this.#quietSince(table);
    if (quietUs !== null && this.#isOverdue(table, quietUs, atUs))
      violations.push(this.#missing(table, 'a slot', atUs));
    if (slotMs !== null) {
      table.built.set(slotMs, bsid);
      table.firstMs ??= slotMs;
      if (table.claimedMs === slotMs) table.claimedMs = null;
    }
    table.lastBuiltUs = atUs;
    if (problem !== null)
      violations.push(violation(table, atUs, `buildset ${bsid} of scheduler ${table.name} ${problem}`));
  }

  #problemOf(table: Timetable, slotMs: number, atUs: number): string | null {
    const what = `is of the slot ${nameSlot(slotMs)}`;
    const before = table.built.get(slotMs);
    if (before !== undefined) return `${what}, which buildset ${before} has built`;
    if (!this.#isSlot(table, slotMs)) return `${what}, which is none of its slots`;
    const { clockErrorMs, epochMs } = this.#context;
    if (clockErrorMs === null) return null;
    const earlyMs = slotMs - epochMs - atUs / 1000;
    return earlyMs > 3 * clockErrorMs + 1_000 ? `${what}, but was made at ${formatUs(atUs)} already` : null;
  }

  #isSlot({ slots, reference, firstMs }: Timetable, slotMs: number): boolean {
    if (slots.kind === 'period') return (slotMs - (firstMs ?? slotMs)) % slots.periodMs === 0;
    return reference?.between(slotMs - 1, slotMs).length === 1;
  }

  /** The slot before must have been built by now, this one before the next is claimed. */
  #claim(row: Row, atUs: number, violations: Violation[]): void {
    const table = this.#tables.get(this.#objects.schedulerOf(integer(row, 'objectid')) ?? '');
    if (table === undefined || !table.slots.isUnconditional) return;
    violations.push(...this.#judgeClaimed(table, atUs));
    const slotMs = Math.round(Number(textOrNull(row, 'value_json')) * 1000);
    table.claimedMs = table.built.has(slotMs) ? null : slotMs;
  }

  #judgeClaimed(table: Timetable, atUs: number): readonly Violation[] {
    if (table.claimedMs === null) return NO_VIOLATIONS;
    const slot = nameSlot(table.claimedMs);
    table.claimedMs = null;
    return [
      violation(table, atUs, `the slot ${slot} of scheduler ${table.name} was called built, and was not`),
    ];
  }

  /** Every slot of a quiet stretch that ends now. */
  #judgeQuiet(atUs: number): readonly Violation[] {
    return [...this.#tables.values()].flatMap((table) => {
      const fromUs = this.#quietSince(table);
      return fromUs === null || fromUs >= atUs ? NO_VIOLATIONS : this.#judgeStretch(table, fromUs, atUs);
    });
  }

  /** From when on nothing excuses a slot that is not built; null when something does. */
  #quietSince({ slots, isEnabled, enabledSinceUs, firstMs }: Timetable): number | null {
    const isJudged = slots.isUnconditional && isEnabled && firstMs !== null;
    if (!isJudged || this.#open > 0 || this.#context.clockErrorMs === null) return null;
    return Math.max(this.#disturbedUs, enabledSinceUs) + this.#context.failoverBoundMs * 1000;
  }

  #judgeStretch(table: Timetable, fromUs: number, atUs: number): readonly Violation[] {
    const { epochMs } = this.#context;
    if (table.slots.kind === 'period') {
      this.checks++;
      return this.#isOverdue(table, fromUs, atUs) ? [this.#missing(table, 'a slot', atUs)] : NO_VIOLATIONS;
    }
    const fromMs = epochMs + Math.ceil(fromUs / 1000);
    const toMs = epochMs + Math.floor((atUs - this.#lateUs) / 1000);
    const demanded = toMs <= fromMs ? [] : (table.reference?.between(fromMs, toMs) ?? []);
    this.checks += demanded.length;
    const missing = demanded.filter((slot) => !table.built.has(slot));
    return missing.map((slot) => this.#missing(table, `the slot ${nameSlot(slot)}`, atUs));
  }

  /** Whether a period has passed without a build, since then or since the last one. */
  #isOverdue({ slots, lastBuiltUs }: Timetable, fromUs: number, atUs: number): boolean {
    if (slots.kind !== 'period') return false;
    return atUs - Math.max(lastBuiltUs, fromUs) > slots.periodMs * 1000 + this.#lateUs;
  }

  get #lateUs(): number {
    return PROMPT_US + 3000 * (this.#context.clockErrorMs ?? 0);
  }

  #missing(table: Timetable, what: string, atUs: number): Violation {
    const since = formatUs(this.#disturbedUs);
    return violation(
      table,
      atUs,
      `scheduler ${table.name} has not built ${what} by ${formatUs(atUs)}, though nothing went wrong since ${since}`,
    );
  }
}

function timetableOf({ name, slots }: ObservedScheduler): readonly Timetable[] {
  if (slots === null) return [];
  const reference = slots.kind === 'calendar' ? new CronReference(slots) : null;
  const unknown = { claimedMs: null, firstMs: null, lastBuiltUs: 0, enabledSinceUs: 0, isEnabled: true };
  return [{ name, slots, reference, built: new Map(), ...unknown }];
}

function slotOf(triggerKey: string | null): number | null {
  const [, seconds] = /^slot:(\d+(?:\.\d+)?)$/.exec(triggerKey ?? '') ?? [];
  return seconds === undefined ? null : Math.round(Number(seconds) * 1000);
}

function nameSlot(slotMs: number): string {
  return new Date(slotMs).toISOString();
}

function violation(table: Timetable, atUs: number, message: string): Violation {
  return { guarantee: NAME, atUs, message, subject: table.name };
}
