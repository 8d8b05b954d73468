// A scenario for tests of plans: it is never run, only planned.

import { defineScenario, type Scenario, type ScenarioOptions } from '../../sim/scenario.js';

export function aScenario(options: Partial<ScenarioOptions> = {}): Scenario {
  return defineScenario({
    name: 'a-scenario',
    description: 'For plans only.',
    schedulers: () => [],
    ...options,
  });
}

/** `count` commits, one a minute. */
export function aHistory(
  count: number,
): { revision: string; when: number; author: string; branch: string; files: string[] }[] {
  return Array.from({ length: count }, (_, index) => ({
    revision: index.toString(16).padStart(40, '0'),
    when: 1_700_000_000 + index * 60,
    author: `dev-${index % 3}`,
    branch: index % 4 === 0 ? 'main' : `pr-${index}`,
    files: [`src/file-${index}.ts`],
  }));
}
