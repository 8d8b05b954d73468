// B21: a job file is taken out of `new` before its buildset is certain.

import type { Job } from '../../src/schedulers/job-file.js';
import { Try_Jobdir } from '../../src/schedulers/try-jobdir.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class HastyJobdir extends Try_Jobdir {
  protected override async submit(job: Job, triggerKey: string): Promise<void> {
    await this.attached().openJobDirectory?.(this.jobdir).move(triggerKey.replace(/^job:/, ''), 'cur');
    await super.submit(job, triggerKey);
  }
}

export const jobMovedFirst: Canary = {
  name: 'job-moved-first',
  defect:
    'a job is taken out of its directory before it has a buildset, and lost if its master dies then (B21)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-job-moved-first',
    description: 'Job files come while masters crash and lose the database.',
    masters: 2,
    durationS: 300,
    changes: 0,
    network: 'wan',
    schedulers: () => [new HastyJobdir('try', ['linux'], { jobdir: '/jobs' })],
    operations: { try: 360 },
    faults: { crash: 30, 'cut-database': 20, 'partition-database': 20, 'database-restart': 12 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
