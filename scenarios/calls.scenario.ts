// Builds that somebody asks for: forced, triggered (who waits is told the results) or tried with a patch, by asking any
// master, while masters die and are reconfigured, and messages and commits are lost.

import { defineScenario, ForceScheduler, Triggerable, Try_Jobdir } from 'standin';

export default defineScenario({
  name: 'calls',
  description: 'Forced, triggered and tried builds, while masters die and messages and commits are lost.',
  masters: 2,
  durationS: 180,
  changes: 0,
  versions: 2,
  schedulers: (version) => [
    new ForceScheduler('force', ['linux', 'docs']),
    new Triggerable('trigger', ['tests'], { reason: `version ${version}` }),
    new Try_Jobdir('try', ['linux'], { jobdir: '/jobs' }),
  ],
  operations: { force: 100, trigger: 160, try: 100, build: 200, disable: 20, reconfigure: 20 },
  faults: { crash: 20, pause: 20, stop: 15, 'message-drop': 15, 'commit-cut': 20, 'database-restart': 10 },
});
