// `standin canary`: does the harness still catch bugs? Each canary is a control plane with one realistic defect; it is
// explored until the oracle that is meant for the defect finds it. One that is not found means that the harness has gone
// blind: exit code 1.

import { Command } from 'commander';
import pc from 'picocolors';
import { nearest } from '../../src/core/nearest.js';
import type { CANARIES } from '../canaries/index.js';
import { closeLanes, openLanes, runCampaign } from '../explore/campaign.js';
import { DEFAULT_LANE, type Lane } from '../explore/lane.js';
import { parseSeeds, type Seeds } from '../explore/seeds.js';
import type { ScenarioResult } from '../explore/tally.js';
import { UsageError } from '../explore/usage-error.js';
import { defaultWorkers, parseChanges, parseWorkers } from './arguments.js';
import { EXIT } from './exit-code.js';

/** The command; `onExit` is told the exit code. */
export function canaryCommand(onExit: (code: number) => void): Command {
  return new Command('canary')
    .description('try whether planted bugs are found')
    .argument('[name...]', 'the canaries to try (default: all)')
    .option('--seeds <A-B|N>', 'the seeds to look in', '1-200')
    .option('--workers <N>', 'worker threads (default: one for each core)')
    .option('--json', 'print one JSON document')
    .option('--changes <repository|file.jsonl>', 'the commit history that changes are taken from')
    .option('--verbose', 'show the stack of an error')
    .action(async (names: string[], flags: CanaryFlags) => onExit(await canary(names, flags)));
}

interface CanaryFlags {
  readonly seeds: string;
  readonly workers?: string;
  readonly json?: boolean;
  readonly changes?: string;
}

type Canary = (typeof CANARIES)[number];

/** As it stands in the JSON document. */
interface CanaryResult {
  readonly name: string;
  readonly defect: string;
  /** The oracle that is meant for the defect. */
  readonly oracle: string;
  readonly found: boolean;
  /** The oracle that found something: the meant one if it did. */
  readonly foundBy: string | null;
  /** How many seeds were tried, up to the one that found it. */
  readonly seeds: number;
  readonly wallMs: number;
}

async function canary(names: readonly string[], flags: CanaryFlags): Promise<number> {
  const seeds = parseSeeds(flags.seeds);
  const workers = flags.workers === undefined ? defaultWorkers() : parseWorkers(flags.workers);
  const chosen = choose(names, (await import('../canaries/index.js')).CANARIES);
  const isJson = flags.json === true;
  const lanes = openLanes(workers, { ...DEFAULT_LANE, history: parseChanges(flags.changes) });
  const results: CanaryResult[] = [];
  try {
    for (const one of chosen) {
      const result = await explore(one, lanes, seeds);
      results.push(result);
      if (!isJson) process.stdout.write(`${lineOf(result)}\n`);
    }
  } finally {
    await closeLanes(lanes);
  }
  if (isJson) process.stdout.write(`${JSON.stringify({ canaries: results }, null, 1)}\n`);
  return results.every(({ found }) => found) ? EXIT.pass : EXIT.violation;
}

function choose(names: readonly string[], all: readonly Canary[]): readonly Canary[] {
  const known = all.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `there is no canary '${unknown}'${nearest(unknown, known)}: expected one of ${known.join(', ')}`,
    );
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

async function explore(one: Canary, lanes: readonly Lane[], seeds: Seeds): Promise<CanaryResult> {
  const { name, defect, oracle, scenario } = one;
  const campaign = await runCampaign(lanes, {
    target: { scenario, subject: { kind: 'canary', name } },
    seeds,
    timeMs: null,
    onRun: (run) => run.broken.includes(oracle),
  });
  return { name, defect, oracle, ...verdictOf(campaign, oracle), wallMs: campaign.wallMs };
}

/** Seeds begin in order, so all before the one that was found have been tried: the count does not depend on workers. */
function verdictOf(
  { runs }: ScenarioResult,
  oracle: string,
): Pick<CanaryResult, 'found' | 'foundBy' | 'seeds'> {
  const at = runs.findIndex(({ broken }) => broken.includes(oracle));
  if (at !== -1) return { found: true, foundBy: oracle, seeds: at + 1 };
  const other = runs.find(({ broken }) => broken.length > 0)?.broken[0];
  return { found: false, foundBy: other ?? null, seeds: runs.length };
}

function lineOf({ name, defect, oracle, found, foundBy, seeds }: CanaryResult): string {
  if (found) return `${pc.green('found')}  ${name}: by ${oracle}, after ${seeds} seeds (${defect})`;
  const instead = foundBy === null ? '' : `, only by ${foundBy}`;
  return `${pc.red('MISSED')} ${name}: not by ${oracle} in ${seeds} seeds${instead} (${defect})`;
}
