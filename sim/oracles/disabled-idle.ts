// G11 disabled-idle: a disabled scheduler makes no buildset, and none later for a slot that came while it was disabled.
//
// The order of commits says what was disabled when: the transaction that disables a scheduler and one that makes a buildset
// of it cannot overlap.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type HistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type Row,
  type Violation,
} from './history.js';
import { BuildsetOwners, integer, SchedulerRows, textOrNull } from './rows.js';

const NAME = 'disabled-idle';
/** A slot so close to a switch may count to either side. */
const MARGIN_MS = 2_000;

export const disabledIdle: Oracle = {
  name: NAME,
  start: (context) => new DisabledIdleRun(context),
};

/** When a scheduler was disabled, up to when it was enabled again. */
interface Disabled {
  readonly fromUs: number;
  toUs: number;
}

class DisabledIdleRun implements OracleRun {
  checks = 0;
  readonly #context: OracleContext;
  readonly #schedulers = new SchedulerRows();
  readonly #owners = new BuildsetOwners();
  readonly #disabled = new Map<number, Disabled[]>();

  constructor(context: OracleContext) {
    this.#context = context;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind !== 'commit') return NO_VIOLATIONS;
    const violations: Violation[] = [];
    this.#schedulers.learn(event);
    this.#owners.learn(event);
    for (const { table, op, row } of event.rows) {
      if (row === null) continue;
      if (table === 'buildsets' && op === 'insert') this.#build(row, event.atUs, violations);
      if (table === 'schedulers') this.#follow(row, event.atUs);
    }
    return violations;
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }

  #follow(row: Row, atUs: number): void {
    const id = integer(row, 'id');
    const spans = this.#disabled.get(id) ?? [];
    this.#disabled.set(id, spans);
    const last = spans.at(-1);
    const isOpen = last !== undefined && last.toUs === Number.POSITIVE_INFINITY;
    const isEnabled = integer(row, 'enabled') !== 0;
    if (!isEnabled && !isOpen) spans.push({ fromUs: atUs, toUs: Number.POSITIVE_INFINITY });
    if (isEnabled && isOpen) last.toUs = atUs;
  }

  #build(row: Row, atUs: number, violations: Violation[]): void {
    const bsid = integer(row, 'id');
    const id = this.#owners.schedulerIdOf(bsid);
    const spans = id === undefined ? undefined : this.#disabled.get(id);
    if (id === undefined || spans === undefined || spans.length === 0) return;
    this.checks++;
    const name = this.#schedulers.nameOf(id);
    const now = spans.find(({ toUs }) => toUs === Number.POSITIVE_INFINITY);
    const slotUs = this.#slotUs(row);
    const missed = spans.find(({ fromUs, toUs }) => slotUs !== null && this.#isWithin(slotUs, fromUs, toUs));
    const problem =
      now !== undefined
        ? `was made at ${formatUs(atUs)}, while it was disabled since ${formatUs(now.fromUs)}`
        : missed !== undefined && slotUs !== null
          ? `is of a slot at ${formatUs(slotUs)}, at which it was disabled`
          : null;
    if (problem === null) return;
    violations.push({
      guarantee: NAME,
      atUs,
      message: `buildset ${bsid} of scheduler ${name} ${problem}`,
      subject: name,
    });
  }

  /** Null when it is of no slot, or when nobody can tell what the clocks said. */
  #slotUs(row: Row): number | null {
    const { clockErrorMs, epochMs } = this.#context;
    const [, seconds] = /^slot:(\d+(?:\.\d+)?)$/.exec(textOrNull(row, 'trigger_key') ?? '') ?? [];
    if (clockErrorMs === null || seconds === undefined) return null;
    return Math.max(0, Math.round((Number(seconds) * 1000 - epochMs) * 1000));
  }

  #isWithin(slotUs: number, fromUs: number, toUs: number): boolean {
    const marginUs = (MARGIN_MS + 3 * (this.#context.clockErrorMs ?? 0)) * 1000;
    return slotUs > fromUs + marginUs && slotUs < toUs - marginUs;
  }
}
