// Masters crash, are paused for longer than their lease, are stopped and started again: somebody always takes over, once.

import { BaseScheduler, ChangeFilter, defineScenario, SingleBranchScheduler, type Change } from 'standin';

/** Counts what it has seen in its state, and builds every third change: a scheduler as users write them. */
class EveryThird extends BaseScheduler {
  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges({ changeFilter: new ChangeFilter({ branch: 'master' }) });
  }

  override async gotChange(change: Change): Promise<void> {
    const seen = (await this.getState('seen', 0)) + 1;
    await this.setState('seen', seen);
    if (seen % 3 === 0)
      await this.addBuildsetForChanges({ changeids: [change.changeid], reason: 'the third' });
  }
}

export default defineScenario({
  name: 'failover',
  description: 'Masters crash, pause for longer than their lease, stop and come back.',
  masters: 3,
  durationS: 900,
  changes: 44,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 60 }),
    new EveryThird('third', ['linux']),
  ],
  counters: { third: ['seen'] },
  faults: { crash: 16, 'host-crash': 6, pause: 16, stop: 8, 'database-restart': 2 },
});
