// `npm run conformance`: the tests that restate what Buildbot's own unit tests demand, and how many of them pass, by the file
// of Buildbot's that they stand for. Exit code 1 when one fails, or when a section has none.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** Buildbot's file (below master/buildbot/test/unit) to ours; after a `#` the outermost group that counts. */
const SECTIONS = {
  'db/test_masters': ['test/conformance/masters.test.ts'],
  'db/test_schedulers': ['test/conformance/schedulers.test.ts', 'test/conformance/claims.test.ts'],
  'db/test_state': ['test/conformance/state.test.ts'],
  'db/test_changes': ['test/conformance/changes.test.ts'],
  'db/test_buildsets': ['test/conformance/buildsets.test.ts'],
  'db/test_buildrequests': ['test/conformance/build-requests.test.ts'],
  'db/test_builds': ['test/conformance/builds.test.ts', 'test/conformance/build-updates.test.ts'],
  'db/test_changesources': ['test/conformance/change-sources.test.ts'],
  'test_mq, test_mq_simple, test_mq_wamp': [
    'test/conformance/message-queue.test.ts',
    'test/mq/wamp-queue.test.ts',
    'test/mq/wamp-topic.test.ts',
  ],
  'schedulers/test_base': ['test/schedulers/base.test.ts', 'test/schedulers/change-filter.test.ts'],
  'schedulers/test_basic': ['test/schedulers/single-branch.test.ts', 'test/schedulers/any-branch.test.ts'],
  'schedulers/test_dependent': ['test/schedulers/calls.test.ts#Dependent'],
  'schedulers/test_timed_Periodic': ['test/schedulers/timed.test.ts#Periodic'],
  'schedulers/test_timed_NightlyBase': [
    'test/schedulers/timed.test.ts#the slots of Nightly',
    'test/schedulers/calendar.test.ts',
  ],
  'schedulers/test_timed_Nightly': ['test/schedulers/timed.test.ts#Nightly'],
  'schedulers/test_timed_NightlyTriggerable': ['test/schedulers/calls.test.ts#NightlyTriggerable'],
  'schedulers/test_triggerable': ['test/schedulers/calls.test.ts#Triggerable'],
  'schedulers/test_forcesched': ['test/schedulers/force.test.ts'],
  'schedulers/test_trysched': ['test/schedulers/try-jobdir.test.ts'],
  'schedulers/test_manager': ['test/master/reconfiguration.test.ts'],
  'util/test_service': ['test/services/clustered-service.test.ts', 'test/services/service.test.ts'],
  'util/test_ComparableMixin': ['test/services/equivalence.test.ts'],
  'data/test_masters, data/test_schedulers': ['test/data/updates.test.ts'],
  'data/test_resultspec': ['test/conformance/result-specs.test.ts'],
  test_master: ['test/master/build-master.test.ts', 'test/master/config.test.ts'],
};

const cases = run();
const lines = Object.entries(SECTIONS).map(([section, places]) => ({ section, ...count(places) }));
for (const { section, passed, failed, skipped } of lines) {
  const besides = [failed > 0 && `${failed} FAILED`, skipped > 0 && `${skipped} skipped`].filter(Boolean);
  process.stdout.write(`${String(passed).padStart(5)} passed  ${[section, ...besides].join(', ')}\n`);
}
const total = lines.reduce((sum, { passed }) => sum + passed, 0);
process.stdout.write(`${String(total).padStart(5)} passed  in ${lines.length} sections\n`);
process.exitCode = lines.every(({ passed, failed }) => passed > 0 && failed === 0) ? 0 : 1;

/** Every test of the files that are named, as vitest reports it. */
function run() {
  const folder = mkdtempSync(join(tmpdir(), 'standin-'));
  const report = join(folder, 'report.json');
  const files = [...new Set(Object.values(SECTIONS).flat().map(fileOf))];
  try {
    const options = ['--reporter=json', `--outputFile.json=${report}`, '--silent'];
    spawnSync(process.execPath, [vitest, 'run', ...files, ...options], { cwd: root, stdio: 'inherit' });
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    return testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ status, ancestorTitles }) => ({
        file: name,
        group: ancestorTitles[0],
        status,
      })),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(places) {
  const counted = cases.filter((one) => places.some((place) => isAt(one, place)));
  const of = (wanted) => counted.filter(({ status }) => status === wanted).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') + of('pending') };
}

function isAt({ file, group }, place) {
  const [, wanted] = place.split('#');
  return file === join(root, fileOf(place)) && (wanted === undefined || wanted === group);
}

function fileOf(place) {
  return place.split('#')[0];
}
