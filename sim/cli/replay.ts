// `standin replay`: one run again, by scenario and seed or from a saved plan, with its whole trace if wanted.
//
// A capsule also says what was seen when it was saved. The same trace again is said to be so; another one means that the
// code has changed since, or, under the same commit, that the run is not deterministic.

import { existsSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { writeCapsule, type CapsuleFacts } from '../explore/capsule.js';
import { DEFAULT_LANE, Lane } from '../explore/lane.js';
import { standinCommit } from '../explore/package-root.js';
import type { RunJob, Subject } from '../explore/job.js';
import { loadSavedTarget } from '../explore/regressions.js';
import type { RunSummary } from '../explore/run-summary.js';
import { findScenario, loadSubject } from '../explore/scenario-lookup.js';
import { parseSeed } from '../explore/seeds.js';
import { UsageError } from '../explore/usage-error.js';
import type { TraceEvent } from '../kernel/trace.js';
import { eventLine, failurePage } from '../report/failure-page.js';
import { formatUs } from '../report/virtual-time.js';
import { parseChanges, parseDrain, parseDuration } from './arguments.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { factsOf, userFile } from './failures.js';

/** The command; `onExit` is told the exit code. */
export function replayCommand(onExit: (code: number) => void): Command {
  return new Command('replay')
    .description('run one seed of a scenario again, or a saved plan')
    .argument('<scenario|plan.json>', 'a scenario (with --seed), or the file of a plan')
    .option('--seed <S>', 'the seed: a number or a 40-digit commit hash')
    .option('--duration <time>', 'the duration that the seed was explored with')
    .option('--trace', 'print every event')
    .option('--drain <tick|immediate>', 'how microtasks are drained', 'tick')
    .option('--changes <repository|file.jsonl>', 'the commit history that the seed was explored with')
    .option('--verbose', 'show the stack of an error')
    .action(async (what: string, flags: ReplayFlags) => onExit(await replay(what, flags)));
}

interface ReplayFlags {
  readonly seed?: string;
  readonly duration?: string;
  readonly trace?: boolean;
  readonly drain: string;
  readonly changes?: string;
}

/** What is to be run, and what is known of it already. */
interface Request {
  readonly scenario: string;
  readonly job: RunJob;
  /** The file that the plan came from; null for a seed. */
  readonly file: string | null;
  readonly facts: CapsuleFacts | null;
}

async function replay(what: string, flags: ReplayFlags): Promise<number> {
  const drain = parseDrain(flags.drain);
  const history = parseChanges(flags.changes);
  const request = what.endsWith('.json') ? await savedRequest(what, flags) : await seedRequest(what, flags);
  const lane = new Lane({ ...DEFAULT_LANE, drain, history });
  try {
    const job = { ...request.job, keepsTrace: flags.trace === true };
    const run = await lane.run(job);
    if (flags.trace === true) printTrace(await lane.trace(job.seed));
    return report(request, run);
  } finally {
    await lane.close();
  }
}

async function savedRequest(file: string, flags: ReplayFlags): Promise<Request> {
  if (!existsSync(file)) throw new UsageError(`there is no plan file ${file}`);
  if (flags.seed !== undefined)
    throw new UsageError(`${file} is a plan, which has its decisions: --seed does not apply`);
  if (flags.duration !== undefined)
    throw new UsageError(`${file} is a plan, which has its duration: --duration does not apply`);
  const { target, plan, facts } = await loadSavedTarget(file);
  return { scenario: target.scenario.name, job: jobOf(target.subject, { seed: file, plan }), file, facts };
}

async function seedRequest(name: string, flags: ReplayFlags): Promise<Request> {
  const file = findScenario(name);
  if (flags.seed === undefined)
    throw new UsageError(`replay ${name} needs --seed, or the file of a plan instead of the name`);
  const seed = parseSeed(flags.seed);
  const duration = flags.duration === undefined ? {} : parseDuration(flags.duration);
  const subject = { kind: 'file', file, ...duration } as const;
  const { scenario } = await loadSubject(subject);
  return {
    scenario: scenario.name,
    job: jobOf(subject, { seed, plan: null }),
    file: null,
    facts: null,
  };
}

function jobOf(subject: Subject, { seed, plan }: Pick<RunJob, 'seed' | 'plan'>): RunJob {
  return { kind: 'run', subject, seed, plan, keepsTrace: false };
}

function printTrace(events: readonly TraceEvent[]): void {
  for (const event of events)
    process.stdout.write(`${String(event.index).padStart(7)} ${eventLine(event)}\n`);
}

function report(request: Request, run: RunSummary): number {
  const lines =
    run.verdict === 'pass'
      ? [pc.green(`pass: ${request.scenario}, ${request.job.seed}`)]
      : failed(request, run);
  lines.push(
    `${run.events} events in ${formatUs(run.virtualUs)} of virtual time, trace ${run.traceHash || 'unknown'}`,
  );
  const { text, isNondeterministic } = compare(request.facts, run.traceHash);
  if (text !== null) lines.push(text);
  process.stdout.write(`${lines.join('\n')}\n`);
  return isNondeterministic ? EXIT.nondeterminism : exitCodeOf(run.verdict);
}

function failed(request: Request, run: RunSummary): string[] {
  const { scenario, file, job } = request;
  const plan = run.evidence?.plan;
  const saved = file ?? (plan && writeCapsule(plan, factsOf(run, standinCommit()), userFile(job.subject)));
  return [...failurePage(run, { scenario, capsule: saved ?? `${scenario} --seed ${run.seed}` })];
}

function compare(
  facts: CapsuleFacts | null,
  traceHash: string,
): { text: string | null; isNondeterministic: boolean } {
  if (facts === null || facts.traceHash === '') return { text: null, isNondeterministic: false };
  if (facts.traceHash === traceHash)
    return { text: 'the same trace as when it was saved', isNondeterministic: false };
  const isSameCode = /^[0-9a-f]{40}$/.test(facts.commit) && facts.commit === standinCommit();
  const cause = isSameCode
    ? 'under the same commit: this is nondeterminism'
    : `under commit ${facts.commit || 'unknown'}: the code has changed`;
  return {
    text: `another trace than when it was saved (${facts.traceHash}) ${cause}`,
    isNondeterministic: isSameCode,
  };
}
