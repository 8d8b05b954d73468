// The long run: `npm run soak`. First 2,000 fresh seeds of each scenario, then long runs of periodic tasks (a day of the world
// for 200 seeds, 30 days for 10), then the tests that try a little in every run and a lot here (test/support/soak.ts). A step
// that fails does not stop the next.

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** Tests that use `soakOr`. */
const TESTS = [
  'test/model/durable-queues.test.ts',
  'test/model/random-interleavings.test.ts',
  'test/processes',
  'test/kill',
  'test/property/long-periodic.test.ts',
  'test/property/clock-change.test.ts',
];

const statuses = [
  run([join(root, 'bin', 'standin.js'), 'run', '--seeds', '2000']),
  run([join(root, 'bin', 'standin.js'), 'run', 'busy-tasks', '--duration', '1d', '--seeds', '200']),
  run([join(root, 'bin', 'standin.js'), 'run', 'busy-tasks', '--duration', '30d', '--seeds', '10']),
  run([vitest, 'run', ...TESTS], { STANDIN_SOAK: '1' }),
];
process.exitCode = statuses.find((status) => status !== 0) ?? 0;

/** The exit status; 1 for a step that a signal ended. */
function run(args, environment = {}) {
  const env = { ...process.env, ...environment };
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
  return status ?? 1;
}
