// What operators and callers do to a cluster while it runs, as it stands in a plan, and how it is drawn.
//
// `reconfigure`: one master reads its configuration again, of which there is a next version by then. `disable` and `enable`:
// a scheduler is switched off and on, by asking some master. They are drawn in groups: all masters are reconfigured one
// after the other, and what is disabled is enabled again before the chaos ends. `force` and `trigger`: somebody has a
// scheduler build, by asking some master. `try`: a job file is put into a directory. `build`: a master's workers take up
// the requests that are open, and complete them a while later.

import fc from 'fast-check';
import { FAILURE, SUCCESS, WARNINGS } from '../../src/core/results.js';

export type PlannedOperation =
  | {
      readonly kind: 'reconfigure';
      readonly atMs: number;
      readonly master: string;
      /** Which configuration: what the scenario's `schedulers` is called with. */
      readonly version: number;
    }
  | {
      readonly kind: 'disable' | 'enable';
      readonly atMs: number;
      readonly scheduler: string;
      /** Index of the master that is asked. */
      readonly viaMaster: number;
    }
  | {
      readonly kind: 'force' | 'trigger';
      readonly atMs: number;
      readonly scheduler: string;
      /** Index of the master that is called first. */
      readonly viaMaster: number;
    }
  | {
      readonly kind: 'try';
      readonly atMs: number;
      readonly jobdir: string;
    }
  | {
      readonly kind: 'build';
      readonly atMs: number;
      /** Index of the master whose workers build. */
      readonly viaMaster: number;
      readonly durationMs: number;
      /** Of all the requests. */
      readonly results: number;
    };

/** The kinds for which a scenario may declare a rate. */
export const OPERATIONS = {
  reconfigure: 'all masters go over to another configuration, one after the other',
  disable: 'disable a scheduler, enable it again later',
  force: 'force a build, of a ForceScheduler',
  trigger: 'trigger a Triggerable or a NightlyTriggerable',
  try: 'put a job file into the directory of a Try_Jobdir',
  build: 'build all open requests, on the workers of one master',
} as const;

export type OperationKind = keyof typeof OPERATIONS;

export interface OperationContext {
  readonly masters: readonly string[];
  readonly schedulers: readonly string[];
  /** Those of the schedulers that can be forced, and triggered. */
  readonly forced: readonly string[];
  readonly triggered: readonly string[];
  readonly jobdirs: readonly string[];
  readonly versions: number;
  readonly chaosMs: number;
}

const LONGEST_GAP_MS = 20_000;
const LONGEST_DISABLED_MS = 150_000;
const LONGEST_BUILD_MS = 60_000;
/** Mostly well. */
const RESULTS: readonly number[] = [SUCCESS, SUCCESS, WARNINGS, FAILURE];

/** One group of operations of a kind; the simplest is the mildest. */
export function operationsOf(
  kind: OperationKind,
  context: OperationContext,
): fc.Arbitrary<readonly PlannedOperation[]> {
  switch (kind) {
    case 'reconfigure':
      return rollingReconfiguration(context);
    case 'disable':
      return disabling(context);
    case 'force':
      return calls(kind, context.forced, context);
    case 'trigger':
      return calls(kind, context.triggered, context);
    case 'try':
      return jobs(context);
    case 'build':
      return builds(context);
  }
}

function rollingReconfiguration(context: OperationContext): fc.Arbitrary<readonly PlannedOperation[]> {
  const { masters, versions, chaosMs } = context;
  const draws = fc.record({
    atMs: fc.nat({ max: chaosMs - 1 }),
    gapMs: fc.nat({ max: LONGEST_GAP_MS }),
    version: fc.nat({ max: versions - 1 }),
  });
  return draws.map(({ atMs, gapMs, version }) =>
    masters.map((master, i) => ({
      kind: 'reconfigure',
      atMs: Math.min(atMs + i * gapMs, chaosMs - 1),
      master,
      version,
    })),
  );
}

function disabling({
  masters,
  schedulers,
  chaosMs,
}: OperationContext): fc.Arbitrary<readonly PlannedOperation[]> {
  const draws = fc.record({
    atMs: fc.nat({ max: chaosMs - 1 }),
    forMs: fc.integer({ min: 1, max: LONGEST_DISABLED_MS }),
    scheduler: fc.constantFrom(...schedulers),
    viaMaster: fc.nat({ max: masters.length - 1 }),
  });
  return draws.map(({ atMs, forMs, scheduler, viaMaster }) => [
    { kind: 'disable', atMs, scheduler, viaMaster },
    { kind: 'enable', atMs: Math.min(atMs + forMs, chaosMs - 1), scheduler, viaMaster },
  ]);
}

function calls(
  kind: 'force' | 'trigger',
  schedulers: readonly string[],
  { masters, chaosMs }: OperationContext,
): fc.Arbitrary<readonly PlannedOperation[]> {
  const draws = fc.record({
    atMs: fc.nat({ max: chaosMs - 1 }),
    scheduler: fc.constantFrom(...schedulers),
    viaMaster: fc.nat({ max: masters.length - 1 }),
  });
  return draws.map((draw) => [{ kind, ...draw }]);
}

function jobs({ jobdirs, chaosMs }: OperationContext): fc.Arbitrary<readonly PlannedOperation[]> {
  const draws = fc.record({ atMs: fc.nat({ max: chaosMs - 1 }), jobdir: fc.constantFrom(...jobdirs) });
  return draws.map((draw) => [{ kind: 'try', ...draw }]);
}

function builds({ masters, chaosMs }: OperationContext): fc.Arbitrary<readonly PlannedOperation[]> {
  const draws = fc.record({
    atMs: fc.nat({ max: chaosMs - 1 }),
    viaMaster: fc.nat({ max: masters.length - 1 }),
    durationMs: fc.nat({ max: LONGEST_BUILD_MS }),
    results: fc.constantFrom(...RESULTS),
  });
  return draws.map((draw) => [{ kind: 'build', ...draw }]);
}
