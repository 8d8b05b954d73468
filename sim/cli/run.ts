// `standin run`: explores scenarios and reports. The saved plans of bugs of the past run first, when no scenario is
// named.

import { Command } from 'commander';
import pc from 'picocolors';
import {
  closeLanes,
  openLanes,
  runCampaign,
  type CampaignOptions,
  type Target,
} from '../explore/campaign.js';
import { present } from '../../src/core/assert.js';
import { DEFAULT_LANE, Lane, type LaneOptions } from '../explore/lane.js';
import { STANDIN_VERSION, standinCommit } from '../explore/package-root.js';
import { runRegressions } from '../explore/regressions.js';
import { findScenario, loadSubject, packagedScenarios } from '../explore/scenario-lookup.js';
import { freshSeeds, parseSeeds, type Seeds } from '../explore/seeds.js';
import { declaredBy, vacuities, type ScenarioResult } from '../explore/tally.js';
import { runTwinCampaign, type Nondeterminism } from '../explore/twin-check.js';
import { jsonDocument } from '../report/json-document.js';
import { nondeterminismPage } from '../report/failure-page.js';
import { showProgress, type Progress } from '../report/progress.js';
import { summaryTable } from '../report/summary-table.js';
import {
  defaultWorkers,
  parseChanges,
  parseDrain,
  parseDuration,
  parseTime,
  parseWorkers,
} from './arguments.js';
import { EXIT, gravest } from './exit-code.js';
import { saveFailures, type Failures } from './failures.js';

/** The command; `onExit` is told the exit code. */
export function runCommand(onExit: (code: number) => void): Command {
  return new Command('run')
    .description('explore scenarios over many seeds (all of them for about 20 s, by default)')
    .argument('[scenario...]', 'names (see `standin list`) or paths of scenario files')
    .option('--seeds <A-B|N>', 'a range, a number of fresh seeds, or a 40-digit commit hash')
    .option('--duration <time>', 'how long the chaos of a run lasts in the world, for example 1h or 30d')
    .option('--time <time>', 'begin no further seed after this time, for example 60s or 5m')
    .option('--workers <N>', 'worker threads (default: one for each core)')
    .option('--json', 'print one JSON document')
    .option('--twin', 'run each plan twice and compare the traces')
    .option('--drain <tick|immediate>', 'how microtasks are drained', 'tick')
    .option('--changes <repository|file.jsonl>', 'the commit history that changes are taken from')
    .option('--verbose', 'show the stack of an error')
    .action(async (names: string[], flags: RunFlags) => onExit(await run(names, flags)));
}

interface RunFlags {
  readonly seeds?: string;
  readonly duration?: string;
  readonly time?: string;
  readonly workers?: string;
  readonly json?: boolean;
  readonly twin?: boolean;
  readonly drain: string;
  readonly changes?: string;
}

/** Everything that the parts of one `run` share. */
interface Session {
  readonly targets: readonly Target[];
  readonly seeds: Seeds;
  /** For all scenarios together; null: no limit. */
  readonly timeMs: number | null;
  readonly workers: number;
  readonly lane: LaneOptions;
  readonly isTwin: boolean;
  readonly progress: Progress;
  readonly failures: Failures;
}

/** What `npm start` takes. */
const DEFAULT_TIME_MS = 20_000;

async function run(names: readonly string[], flags: RunFlags): Promise<number> {
  const commit = standinCommit();
  const session = await openSession(names, flags, commit);
  const { seeds, progress } = session;
  if (seeds.base !== null) progress.note(`fresh seeds from base ${seeds.base}`);
  const results: ScenarioResult[] = [];
  if (names.length === 0) results.push(...(await runSaved(session)));
  const { explored, mismatch } = await explore(session);
  results.push(...explored);
  const vacuous = explored.flatMap((result, index) => {
    const { scenario } = present(session.targets[index], 'the scenario of a result');
    return vacuities(declaredBy(scenario), result).map((problem) => `${result.name}: ${problem}`);
  });
  const head = { version: STANDIN_VERSION, commit, base: seeds.base, vacuous, nondeterminism: mismatch };
  if (flags.json === true) process.stdout.write(jsonDocument(head, results));
  else printSummary(results, head);
  return exitCode(results, { vacuous, mismatch });
}

async function openSession(names: readonly string[], flags: RunFlags, commit: string): Promise<Session> {
  const seeds = flags.seeds === undefined ? freshSeeds() : parseSeeds(flags.seeds);
  const workers = flags.workers === undefined ? defaultWorkers() : parseWorkers(flags.workers);
  const defaultTimeMs = flags.seeds === undefined ? DEFAULT_TIME_MS : null;
  const timeMs = flags.time === undefined ? defaultTimeMs : parseTime(flags.time);
  const drain = parseDrain(flags.drain);
  const history = parseChanges(flags.changes);
  const targets = await loadTargets(names, flags.duration === undefined ? {} : parseDuration(flags.duration));
  const progress = showProgress(flags.json === true ? process.stderr : process.stdout);
  const failures = saveFailures({ commit, history, print: (line) => progress.note(line) });
  const lane = { ...DEFAULT_LANE, drain, history };
  return { targets, seeds, timeMs, workers, lane, isTwin: flags.twin === true, progress, failures };
}

async function loadTargets(
  names: readonly string[],
  duration: { readonly durationS?: number },
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const name of names.length === 0 ? packagedScenarios() : names) {
    const file = findScenario(name);
    const subject = { kind: 'file', file, ...duration } as const;
    const { scenario } = await loadSubject(subject);
    targets.push({ scenario, subject });
  }
  return targets;
}

async function runSaved(session: Session): Promise<readonly ScenarioResult[]> {
  const lane = new Lane(session.lane);
  try {
    return await runRegressions(lane, (target, ran, plan) => session.failures.add(target, ran, plan));
  } finally {
    await lane.close();
  }
}

/** Every scenario in turn; what time is left is shared equally by those that are left. */
async function explore(
  session: Session,
): Promise<{ explored: ScenarioResult[]; mismatch: Nondeterminism | null }> {
  const lanes = openLanes(session.workers, session.lane);
  const twins = session.isTwin ? openLanes(session.workers, session.lane) : [];
  const explored: ScenarioResult[] = [];
  let leftMs = session.timeMs;
  try {
    for (const [index, target] of session.targets.entries()) {
      const timeMs = leftMs === null ? null : leftMs / (session.targets.length - index);
      const { result, mismatch } = await exploreOne([lanes, twins], campaignOf(session, target, timeMs));
      explored.push(result);
      if (mismatch !== null) return { explored, mismatch };
      if (leftMs !== null) leftMs = Math.max(1, leftMs - result.wallMs);
    }
    return { explored, mismatch: null };
  } finally {
    session.progress.clear();
    await closeLanes([...lanes, ...twins]);
  }
}

async function exploreOne(
  [lanes, twins]: readonly [readonly Lane[], readonly Lane[]],
  options: CampaignOptions,
): Promise<{ result: ScenarioResult; mismatch: Nondeterminism | null }> {
  if (twins.length > 0) return runTwinCampaign(lanes, twins, options);
  return { result: await runCampaign(lanes, options), mismatch: null };
}

function campaignOf(session: Session, target: Target, timeMs: number | null): CampaignOptions {
  return {
    target,
    seeds: session.seeds,
    timeMs,
    onRun: (ran, tally) => {
      session.failures.add(target, ran);
      session.progress.update(target.scenario.name, tally);
      return false;
    },
  };
}

function printSummary(
  results: readonly ScenarioResult[],
  outcome: { readonly vacuous: readonly string[]; readonly nondeterminism: Nondeterminism | null },
): void {
  const [header = '', ...rows] = summaryTable(results);
  const lines = ['', pc.bold(header), ...rows, ''];
  if (outcome.nondeterminism !== null) lines.push(...nondeterminismPage(outcome.nondeterminism));
  lines.push(...outcome.vacuous.map((problem) => pc.yellow(`vacuous: ${problem}`)));
  process.stdout.write(`${lines.join('\n')}\n`);
}

function exitCode(
  results: readonly ScenarioResult[],
  found: { readonly vacuous: readonly string[]; readonly mismatch: Nondeterminism | null },
): number {
  return gravest([
    ...results.flatMap(({ violation, unknown }) => [
      violation > 0 ? EXIT.violation : 0,
      unknown > 0 ? EXIT.unknown : 0,
    ]),
    found.mismatch === null ? 0 : EXIT.nondeterminism,
    found.vacuous.length === 0 ? 0 : EXIT.vacuous,
  ]);
}
