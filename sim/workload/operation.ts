// What operators do to a cluster while it runs, as it stands in a plan, and how it is drawn.
//
// `reconfigure`: one master reads its configuration again, of which there is a next version by then. `disable` and `enable`:
// a scheduler is switched off and on, by asking some master. They are drawn in groups: all masters are reconfigured one
// after the other, and what is disabled is enabled again before the chaos ends.

import fc from 'fast-check';

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
    };

/** The kinds for which a scenario may declare a rate. */
export const OPERATIONS = {
  reconfigure: 'all masters go over to another configuration, one after the other',
  disable: 'disable a scheduler, enable it again later',
} as const;

export type OperationKind = keyof typeof OPERATIONS;

export interface OperationContext {
  readonly masters: readonly string[];
  readonly schedulers: readonly string[];
  readonly versions: number;
  readonly chaosMs: number;
}

const LONGEST_GAP_MS = 20_000;
const LONGEST_DISABLED_MS = 150_000;

/** One group of operations of a kind; the simplest is the mildest. */
export function operationsOf(
  kind: OperationKind,
  context: OperationContext,
): fc.Arbitrary<readonly PlannedOperation[]> {
  return kind === 'reconfigure' ? rollingReconfiguration(context) : disabling(context);
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
