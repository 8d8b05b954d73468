// Builds that wait for other builds, or for a slot after a trigger, while masters die and messages and commits are lost.

import { defineScenario, Dependent, NightlyTriggerable, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'downstream',
  description: 'A Dependent and a NightlyTriggerable, while masters die and messages and commits are lost.',
  masters: 2,
  durationS: 180,
  changes: 8,
  schedulers: () => {
    const upstream = new SingleBranchScheduler('upstream', ['linux'], { branch: 'master' });
    return [
      upstream,
      new Dependent('downstream', ['packages'], { upstream }),
      new NightlyTriggerable('slots', ['nightly'], { minute: '*' }),
    ];
  },
  operations: { trigger: 160, build: 240 },
  faults: { crash: 20, pause: 20, stop: 15, 'message-drop': 15, 'commit-cut': 20, 'database-restart': 10 },
});
