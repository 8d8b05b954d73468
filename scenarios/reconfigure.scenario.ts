// All masters go over to other configurations, one after the other, again and again, while they crash, pause and are cut
// off: a scheduler that stays as it is goes on, one that changes is replaced, and none loses or doubles a change.

import { BaseScheduler, ChangeFilter, defineScenario, SingleBranchScheduler, type Change } from 'standin';

/** Counts what it has seen in its state, under whatever configuration. */
class Counter extends BaseScheduler {
  static override readonly compareAttrs = ['every'];
  readonly every: number;

  constructor(name: string, builderNames: readonly string[], every: number) {
    super(name, builderNames);
    this.every = every;
  }

  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges({ changeFilter: new ChangeFilter({ branch: 'master' }) });
  }

  override async gotChange({ changeid }: Change): Promise<void> {
    const seen = (await this.getState('seen', 0)) + 1;
    await this.setState('seen', seen);
    if (seen % this.every === 0) await this.addBuildsetForChanges({ changeids: [changeid] });
  }
}

export default defineScenario({
  name: 'reconfigure',
  description: 'All masters are reconfigured in turn, to one of three versions, while they crash and pause.',
  durationS: 600,
  versions: 3,
  schedulers: (version) => [
    new SingleBranchScheduler('same', ['linux'], { branch: 'master' }),
    new SingleBranchScheduler('tree', ['linux'], { branch: 'master', treeStableTimer: 20 + 15 * version }),
    new Counter('counter', ['linux', 'windows'].slice(0, 1 + (version % 2)), 2 + version),
    ...(version === 1 ? [new SingleBranchScheduler('guest', ['linux'], { branch: 'master' })] : []),
  ],
  counters: { counter: ['seen'] },
  operations: { reconfigure: 24 },
  faults: { crash: 8, pause: 8, 'partition-database': 6, 'message-drop': 6 },
});
