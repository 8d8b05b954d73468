// A scheduler whose author never heard of ports: it waits with setTimeout, asks Date and draws from Math.random.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BaseScheduler, ChangeFilter, defineScenario, type Change } from 'standin';

class Careless extends BaseScheduler {
  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges({ changeFilter: new ChangeFilter() });
  }

  override async gotChange(change: Change): Promise<void> {
    const seen = (await this.getState('seen', 0)) + 1;
    await sleep(Math.floor(Math.random() * 50));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await this.setState('seen', seen);
    await this.setState('last', { at: Date.now(), id: randomUUID(), on: new Date().toISOString() });
    if (Math.random() < 0.5) await this.addBuildsetForChanges({ changeids: [change.changeid] });
  }
}

export default defineScenario({
  name: 'careless',
  description: 'A scheduler that reaches for globals.',
  durationS: 300,
  changes: 20,
  schedulers: () => [new Careless('careless', ['linux'])],
  counters: { careless: ['seen'] },
  faults: { crash: 30, pause: 20 },
});
