// A Periodic of a minute, day after day, while masters crash, pause, stop and lose the database: what was built, against
// what each policy for missed slots promises. Judged here by a plain recount of the whole run, besides the oracles.
//
// Half a day in every run of the tests; thirty days of several seeds in `npm run soak`.

import { describe, expect, test } from 'vitest';
import {
  planForSeed,
  simulate,
  defineScenario,
  Periodic,
  type HistoryEvent,
  type Oracle,
} from '../../sim/index.js';
import { soakOr } from '../support/soak.js';

const DAYS = soakOr(30, 0.5);
const SEEDS = soakOr(3, 1);
const PERIOD_MS = 60_000;
/** (lease + 2 heartbeats) × 1.01 + 15 s. */
const FAILOVER_BOUND_MS = 95_800;
/** How late a slot may be built while all is well: by the clocks, and by what a commit takes. */
const LATE_MS = 20_000;
/** By how much the clocks of two masters may differ. */
const CLOCK_MS = 8_000;

/** How many missed slots an activation builds. */
const CATCH_UP: Readonly<Record<string, number>> = { skip: 0, once: 1, two: 2 };

const SCENARIO = defineScenario({
  name: 'long-periodic',
  description: 'A build a minute by three policies, for days.',
  masters: 2,
  durationS: Math.round(DAYS * 86_400),
  changes: 0,
  clocks: { offsetS: 1, driftPpm: 1 },
  schedulers: () => [
    new Periodic('skip', ['linux'], { periodicBuildTimer: 60, missedSlots: 'skip' }),
    new Periodic('once', ['linux'], { periodicBuildTimer: 60, missedSlots: 'once' }),
    new Periodic('two', ['linux'], { periodicBuildTimer: 60, missedSlots: { atMost: 2 } }),
  ],
  faults: {
    crash: 0.3,
    pause: 0.3,
    stop: 0.2,
    'partition-database': 0.2,
    'cold-start': 0.2,
    'database-restart': 0.1,
  },
});

interface Built {
  readonly slotMs: number;
  readonly atMs: number;
}

/** What is seen of a run; instants in milliseconds since its start. */
class Recount {
  readonly built = new Map<string, Built[]>();
  /** When somebody took a scheduler over. */
  readonly claims = new Map<string, number[]>();
  /** When anything went wrong or was mended. */
  readonly disturbances: number[] = [];
  readonly #names = new Map<unknown, string>();
  readonly #epochs = new Map<unknown, unknown>();
  readonly #epochMs: number;

  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  observe(event: HistoryEvent): void {
    const atMs = event.atUs / 1000;
    if (event.kind === 'fault' || event.kind === 'life' || event.kind === 'phase')
      this.disturbances.push(atMs);
    if (event.kind !== 'commit') return;
    for (const { table, op, row } of event.rows) {
      if (row === null) continue;
      if (table === 'schedulers') {
        const name = String(row['name']);
        this.#names.set(row['id'], name);
        if (this.#epochs.get(name) !== row['epoch']) listOf(this.claims, name).push(atMs);
        this.#epochs.set(name, row['epoch']);
      }
      if (table !== 'buildsets' || op !== 'insert') continue;
      const slotMs = Number(String(row['trigger_key']).replace('slot:', '')) * 1000 - this.#epochMs;
      listOf(this.built, this.#names.get(row['schedulerid']) ?? '').push({ slotMs, atMs });
    }
  }
}

function listOf<T>(map: Map<string, T[]>, name: string): T[] {
  const list = map.get(name) ?? [];
  map.set(name, list);
  return list;
}

/** The slots of the grid within [from, to]. */
function gridOf(built: readonly Built[], from: number, to: number): number[] {
  const first = built[0]?.slotMs ?? 0;
  const slots: number[] = [];
  for (let slot = first + Math.ceil((from - first) / PERIOD_MS) * PERIOD_MS; slot <= to; slot += PERIOD_MS)
    slots.push(slot);
  return slots;
}

/** Slots that nothing excuses: quiet from the failover bound before them until they must have been built. */
function demanded(built: readonly Built[], disturbances: readonly number[], endMs: number): number[] {
  const instants = [...disturbances, endMs];
  return instants.flatMap((until, i) => {
    const since = instants[i - 1];
    return since === undefined ? [] : gridOf(built, since + FAILOVER_BOUND_MS, until - LATE_MS);
  });
}

interface Tenure {
  readonly claimedMs: number;
  readonly endMs: number;
  /** The newest slot that had been built before. */
  readonly lastMs: number;
  /** Slots that were missed by then and that it built. */
  readonly caughtUp: readonly number[];
}

function tenuresOf(built: readonly Built[], claims: readonly number[], endMs: number): readonly Tenure[] {
  return claims.flatMap((claimedMs, i) => {
    const until = claims[i + 1] ?? endMs;
    const before = built.filter(({ atMs }) => atMs < claimedMs).map(({ slotMs }) => slotMs);
    if (before.length === 0) return [];
    const its = built.filter(({ atMs }) => atMs >= claimedMs && atMs < until).map(({ slotMs }) => slotMs);
    const caughtUp = its.filter((slot) => slot <= claimedMs - CLOCK_MS);
    return [{ claimedMs, endMs: until, lastMs: before.at(-1) ?? 0, caughtUp }];
  });
}

const runs = Array.from({ length: SEEDS }, (_, i) => String(i + 1));

describe.each(runs)(`${DAYS} days of seed %s`, (seed) => {
  test('have each slot as its policy says', { timeout: 3_600_000 }, async () => {
    const plan = planForSeed(SCENARIO, seed);
    const recount = new Recount(plan.epochMs);
    const recorder: Oracle = {
      name: 'recorder',
      start: () => ({
        checks: 1,
        observe: (event) => {
          recount.observe(event);
          return [];
        },
        finish: () => [],
      }),
    };
    const result = await simulate({ ...SCENARIO, oracles: [recorder] }, plan);
    expect(result.violations).toEqual([]);
    expect(result.verdict).toBe('pass');
    for (const [name, most] of Object.entries(CATCH_UP)) {
      const { demands, missed } = judge(name, most, recount, result.virtualUs / 1000);
      expect(demands).toBeGreaterThan(DAYS * 1_000);
      expect(missed).toBeGreaterThan(1); // else the policies were all the same
    }
  });
});

/** Expects all of it of one scheduler; returns how much there was to expect: slots, and the most that were missed at once. */
function judge(
  name: string,
  most: number,
  { built: all, disturbances, claims }: Recount,
  endMs: number,
): { readonly demands: number; readonly missed: number } {
  const built = all.get(name) ?? [];
  const first = built[0]?.slotMs ?? 0;
  const atOf = new Map(built.map(({ slotMs, atMs }) => [slotMs, atMs]));
  expect(atOf.size).toBe(built.length); // never two of one instant
  expect(built.filter(({ slotMs }) => (slotMs - first) % PERIOD_MS !== 0)).toEqual([]);
  const slots = demanded(built, disturbances, endMs);
  expect(slots.filter((slot) => !(Math.abs((atOf.get(slot) ?? Infinity) - slot) <= LATE_MS))).toEqual([]);
  const tenures = tenuresOf(built, claims.get(name) ?? [], endMs);
  const missed = tenures.map((tenure) => judgeCatchUp(built, tenure, most, disturbances));
  return { demands: slots.length, missed: Math.max(...missed) };
}

/** Of what was missed before a take-over the newest are built, no others; returns how many were, 0 unless that is certain. */
function judgeCatchUp(
  built: readonly Built[],
  { claimedMs, endMs, lastMs, caughtUp }: Tenure,
  most: number,
  disturbances: readonly number[],
): number {
  const missed = gridOf(built, lastMs + 1, claimedMs - CLOCK_MS);
  const wanted = missed.slice(missed.length - Math.min(most, missed.length));
  expect(caughtUp.filter((slot) => !wanted.includes(slot))).toEqual([]);
  const untilMs = claimedMs + 2 * LATE_MS;
  const isQuiet = endMs >= untilMs && !disturbances.some((at) => at > claimedMs && at <= untilMs);
  // A slot that comes just then is the newest one by one clock, and yet to come by another.
  const isClear = gridOf(built, claimedMs - CLOCK_MS + 1, claimedMs + CLOCK_MS).length === 0;
  if (!isQuiet || !isClear) return 0;
  expect(caughtUp).toEqual(wanted);
  return missed.length;
}
