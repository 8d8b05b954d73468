// A user's scheduler that keeps a counter in a variable of its module: gone with the process.

import { BaseScheduler, ChangeFilter, defineScenario } from 'standin';

let seen = 0;

class CountingScheduler extends BaseScheduler {
  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges({ changeFilter: new ChangeFilter() });
  }

  override async gotChange(): Promise<void> {
    seen += 1;
    await this.setState('seen', seen);
  }
}

export default defineScenario({
  name: 'canary-module-counter',
  description: 'Masters crash while a scheduler counts.',
  schedulers: () => [new CountingScheduler('counting', ['linux'])],
  counters: { counting: ['seen'] },
  faults: { crash: 16 },
  guarantees: ['state-recovered'],
});
