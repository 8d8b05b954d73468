// B16: who stops does not wait for changes that have been heard of and wait for their turn: their buildsets are added by a
// scheduler that is not active any more, and nothing compares its claim.

import { present } from '../../src/core/assert.js';
import { Mutex } from '../../src/core/mutex.js';
import { Effect } from '../../src/data/effects.js';
import type { Change } from '../../src/db/changes.js';
import { BuildsetBuilder } from '../../src/schedulers/buildset-builder.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class LateScheduler extends SingleBranchScheduler {
  readonly #turns = new Mutex();
  readonly #builder = new BuildsetBuilder({
    ...{ name: this.name, builderNames: this.builderNames, properties: {}, priority: 0, codebases: [''] },
    defaultsOf: (codebase) => this.getCodebaseDict(codebase),
  });

  override async gotChange({ changeid }: Change): Promise<void> {
    this.afterCommit(() => {
      this.#turns.run(() => this.#build(changeid)).catch(() => undefined); // logged by the original
    });
  }

  async #build(changeid: number): Promise<void> {
    const { db, calls } = this.attached();
    const changes = await db.changes.getChangesByIds([changeid]);
    const effect = new Effect();
    await this.#builder.forChanges(db, effect, { changes, reason: 'late' });
    const draft = present(effect.buildsets[0], 'the draft of a change');
    await calls.addBuildset(this.called, { ...draft, triggerKey: `change:${changeid}` });
  }
}

export const lateChange: Canary = {
  name: 'late-change',
  defect: 'a change that waits for its turn when its scheduler stops is built after that (B16)',
  oracle: 'single-effect',
  scenario: defineScenario({
    name: 'canary-late-change',
    description: 'Masters stop and pause while many changes arrive over slow links.',
    masters: 2,
    durationS: 300,
    changes: 600,
    network: 'wan',
    schedulers: () => [new LateScheduler('late', ['linux'], { branch: 'master' })],
    faults: { stop: 30, pause: 20, 'slow-database': 10 },
    guarantees: ['single-effect'],
  }),
  parts: {},
};
