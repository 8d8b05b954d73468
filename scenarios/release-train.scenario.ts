// The scheduler that docs/writing-a-scheduler.md writes, on masters that die, hang and are cut off.

import { defineScenario } from 'standin';
import { ReleaseTrain } from './release-train.js';

export default defineScenario({
  name: 'release-train',
  description: 'A scheduler of a user: trains leave every 30 seconds, whatever happens to the masters.',
  durationS: 450,
  schedulers: () => [new ReleaseTrain('train', ['linux'], { periodS: 30 })],
  counters: { train: ['train'] },
  faults: { crash: 16, pause: 16, stop: 8, 'partition-database': 8, 'clock-step': 8 },
});
