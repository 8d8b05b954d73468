// The twin check: every plan of a campaign a second time, in another worker and after other seeds, must give the same
// trace.
//
// Two sets of lanes take turns. The first runs a block of seeds in order, the second the same block backwards; both keep
// the traces of the block, so that when two hashes differ, the first event that differs can be shown as it happened,
// without a third run that might agree with either.

import type { TraceEvent } from '../kernel/trace.js';
import { jobOf, StopWatch, type CampaignOptions } from './campaign.js';
import type { Lane } from './lane.js';
import type { RunSummary } from './run-summary.js';
import { Tally, type ScenarioResult } from './tally.js';

/** Two runs of one plan, and where they part. */
export interface Nondeterminism {
  readonly scenario: string;
  readonly seed: string;
  readonly hashes: readonly [string, string];
  /** The first events that differ; null where one trace had ended. */
  readonly first: TraceEvent | null;
  readonly second: TraceEvent | null;
}

/** What a campaign with twins gives; it ends at the first mismatch. */
export interface TwinResult {
  readonly result: ScenarioResult;
  readonly mismatch: Nondeterminism | null;
}

interface Kept {
  readonly run: RunSummary;
  readonly lane: Lane;
}

/** Seeds a lane runs before the other set takes its turn: enough to be in another order, few enough traces to keep. */
const BLOCK_PER_LANE = 8;

/** Runs `options.seeds` on `lanes` and again on `twins`, which must be other lanes. @throws as runCampaign. */
export async function runTwinCampaign(
  lanes: readonly Lane[],
  twins: readonly Lane[],
  options: CampaignOptions,
): Promise<TwinResult> {
  const { scenario } = options.target;
  const tally = new Tally(scenario.name);
  const watch = new StopWatch(options.timeMs);
  const blockSize = lanes.length * BLOCK_PER_LANE;
  for (let start = 0; start < options.seeds.count && !watch.isOver; start += blockSize) {
    const end = Math.min(start + blockSize, options.seeds.count);
    const indices = Array.from({ length: end - start }, (_, offset) => start + offset);
    const first = await runBlock(lanes, indices, options);
    const second = await runBlock(twins, indices.toReversed(), options);
    const isEnded = indices
      .map((index) => tell(options, tally, { index, kept: first.get(index) }))
      .includes(true);
    const mismatch = await firstMismatch(scenario.name, indices, [first, second]);
    if (mismatch !== null || isEnded) return { result: tally.result(watch.elapsedMs), mismatch };
    await Promise.all([...lanes, ...twins].map((lane) => lane.forget()));
  }
  return { result: tally.result(watch.elapsedMs), mismatch: null };
}

/** The first event in which two traces differ, in both versions. Each may be the end of a longer trace. */
export function firstDifference(
  left: readonly TraceEvent[],
  right: readonly TraceEvent[],
): { first: TraceEvent | null; second: TraceEvent | null } {
  const start = Math.max(left[0]?.index ?? 0, right[0]?.index ?? 0);
  const firsts = left.filter((event) => event.index >= start);
  const seconds = right.filter((event) => event.index >= start);
  const at = firsts.findIndex((event, position) => !isSame(event, seconds[position]));
  const position = at === -1 ? firsts.length : at;
  return { first: firsts[position] ?? null, second: seconds[position] ?? null };
}

async function runBlock(
  lanes: readonly Lane[],
  indices: readonly number[],
  options: CampaignOptions,
): Promise<ReadonlyMap<number, Kept>> {
  const runs = new Map<number, Kept>();
  const queue = [...indices];
  const drive = async (lane: Lane): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
      const job = { ...jobOf(options.target.subject, options.seeds.at(index)), keepsTrace: true };
      runs.set(index, { run: await lane.run(job), lane });
    }
  };
  await Promise.all(lanes.map(drive));
  return runs;
}

function tell(
  options: CampaignOptions,
  tally: Tally,
  ran: { index: number; kept: Kept | undefined },
): boolean {
  if (ran.kept === undefined) return false;
  tally.add(ran.index, ran.kept.run);
  return options.onRun(ran.kept.run, tally);
}

async function firstMismatch(
  scenario: string,
  indices: readonly number[],
  [first, second]: readonly [ReadonlyMap<number, Kept>, ReadonlyMap<number, Kept>],
): Promise<Nondeterminism | null> {
  for (const index of indices) {
    const left = first.get(index);
    const right = second.get(index);
    if (left === undefined || right === undefined || agree(left.run, right.run)) continue;
    const seed = left.run.seed;
    const [leftTrace, rightTrace] = await Promise.all([left.lane.trace(seed), right.lane.trace(seed)]);
    const hashes = [left.run.traceHash, right.run.traceHash] as const;
    return { scenario, seed, hashes, ...firstDifference(leftTrace, rightTrace) };
  }
  return null;
}

/** A run without a trace hung: how far it came is a matter of real time, so it says nothing about its twin. */
function agree(left: RunSummary, right: RunSummary): boolean {
  return left.traceHash === '' || right.traceHash === '' || left.traceHash === right.traceHash;
}

function isSame(left: TraceEvent, right: TraceEvent | undefined): boolean {
  return (
    right !== undefined &&
    left.index === right.index &&
    left.atUs === right.atUs &&
    left.node === right.node &&
    left.kind === right.kind &&
    left.detail === right.detail
  );
}
