// What a run costs, against the floor under it: `npm run bench`, `-- --json`, `-- --memory`.
//
// One process measures everything. The failover scenario with all its oracles, and the floor (the same SQL on bare sql.js
// and as many bare timers as the run had events), take turns seed by seed, so that a busy machine slows both; of several
// rounds the median counts. The changes of the plans are generated, so that the figures do not move with the history.

import { Decisions } from '../sim/kernel/decisions.js';
import { findScenario, loadScenario, type LoadedScenario } from '../sim/explore/scenario-lookup.js';
import { planForSeed } from '../sim/explore/plan.js';
import { simulate, type RunResult } from '../sim/explore/simulate.js';
import { generateChanges } from '../sim/workload/change-generator.js';
import { Floor } from './floor.js';
import { hour } from './hour.js';
import { elapsedMs, median, residentMb, type Figure } from './measure.js';
import { measurePeriodic } from './periodic.js';
import { measureQueue } from './queue.js';
import { recordStatements, type RecordedStatement } from './recording.js';

const SEEDS = 25;
const ROUNDS = 5;
const HOUR_SEEDS = 10;
const MEMORY_SEEDS_BEFORE = 500;
const MEMORY_SEEDS = 10_000;

const history = generateChanges(new Decisions('bench').stream('history', ''), 2_400, 0);

/** Runs the benchmark that `args` asks for and prints its figures. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !['--json', '--memory'].includes(arg));
  if (unknown !== undefined) {
    console.error(`unknown argument '${unknown}': expected --json or --memory`);
    return 64;
  }
  const figures = args.includes('--memory') ? await measureMemory() : await measureSpeed();
  for (const figure of figures)
    console.log(args.includes('--json') ? JSON.stringify(figure) : inWords(figure));
  return 0;
}

function inWords({ name, value, unit }: Figure): string {
  return `${name.padEnd(44)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit}`;
}

interface Subject {
  readonly seed: string;
  readonly statements: readonly RecordedStatement[];
  readonly events: number;
  readonly virtualMs: number;
  readonly runMs: number[];
  readonly floorMs: number[];
}

async function measureSpeed(): Promise<readonly Figure[]> {
  const failover = await loadScenario(findScenario('failover'));
  const subjects: Subject[] = [];
  for (let i = 1; i <= SEEDS; i++) subjects.push(await recordSubject(failover, String(i)));
  const floor = await Floor.open();
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) {
      subject.runMs.push(await elapsedMs(() => run(failover, subject.seed)));
      subject.floorMs.push(await elapsedMs(() => floor.run(subject.statements, subject.events)));
    }
  }
  floor.close();
  return [
    ...speedFigures(subjects),
    await measureHour(),
    ...(await measurePeriodic()),
    ...(await measureQueue()),
  ];
}

/** Also the warm-up: nothing of it is timed. */
async function recordSubject(scenario: LoadedScenario, seed: string): Promise<Subject> {
  let result: RunResult | null = null;
  const statements = await recordStatements(async () => {
    result = await run(scenario, seed);
  });
  const { events, virtualUs } = result ?? { events: 0, virtualUs: 0 };
  return { seed, statements, events, virtualMs: virtualUs / 1000, runMs: [], floorMs: [] };
}

async function run({ scenario, options }: LoadedScenario, seed: string): Promise<RunResult> {
  const result = await simulate(scenario, planForSeed(scenario, seed, history), options);
  if (result.verdict !== 'pass') {
    const reason = result.reason ?? result.violations[0]?.message ?? '';
    throw new Error(
      `${scenario.name}, seed ${seed}: ${result.verdict} (${reason}); there is no point in timing that`,
    );
  }
  return result;
}

function speedFigures(subjects: readonly Subject[]): readonly Figure[] {
  const sum = (value: (subject: Subject) => number): number =>
    subjects.reduce((total, subject) => total + value(subject), 0);
  const runMs = sum((subject) => median(subject.runMs));
  const floorMs = sum((subject) => median(subject.floorMs));
  const events = sum((subject) => subject.events);
  return [
    { name: 'failover, a seed', value: runMs / SEEDS, unit: 'ms' },
    { name: 'failover, its floor', value: floorMs / SEEDS, unit: 'ms' },
    { name: 'failover / floor', value: runMs / floorMs, unit: 'ratio' },
    { name: 'failover, events', value: (events * 1000) / runMs, unit: 'events/s' },
    { name: 'failover, seeds', value: (SEEDS * 1000) / runMs, unit: 'seeds/s' },
    { name: 'failover, virtual : real', value: sum((subject) => subject.virtualMs) / runMs, unit: 'ratio' },
    { name: 'failover, events a seed', value: events / SEEDS, unit: 'events' },
    {
      name: 'failover, statements a seed',
      value: sum((subject) => subject.statements.length) / SEEDS,
      unit: 'statements',
    },
  ];
}

async function measureHour(): Promise<Figure> {
  const times: number[] = [];
  for (let i = 1; i <= HOUR_SEEDS; i++) {
    times.push(await elapsedMs(() => run({ scenario: hour, options: {} }, String(i))));
  }
  const meanMs = times.reduce((total, ms) => total + ms, 0) / times.length;
  return { name: 'one hour, 3 masters, 5 schedulers, a core', value: 1000 / meanMs, unit: 'seeds/s' };
}

/** The resident set after so many seeds of calm, and after twenty times as many: memory must not grow with them. */
async function measureMemory(): Promise<readonly Figure[]> {
  const calm = await loadScenario(findScenario('calm'));
  for (let i = 1; i <= MEMORY_SEEDS_BEFORE; i++) await run(calm, String(i));
  const beforeMb = await residentMb();
  for (let i = MEMORY_SEEDS_BEFORE + 1; i <= MEMORY_SEEDS; i++) await run(calm, String(i));
  const afterMb = await residentMb();
  return [
    { name: `resident set after ${MEMORY_SEEDS_BEFORE} seeds of calm`, value: beforeMb, unit: 'MB' },
    { name: `resident set after ${MEMORY_SEEDS} seeds of calm`, value: afterMb, unit: 'MB' },
    { name: 'growth of the resident set', value: (100 * (afterMb - beforeMb)) / beforeMb, unit: '%' },
  ];
}
