// A master as a process of its own: it polls a git repository, and builds every commit with a command that succeeds.

import { NodeCommands } from '../../src/runtime/node/commands.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { BuildDriver } from '../../src/drivers/build-driver.js';
import { CommandExecutor } from '../../src/drivers/command-executor.js';
import { GitPoller } from '../../src/drivers/git-poller.js';
import { BuildMaster } from '../../src/master/build-master.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

export interface GitMasterOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly repository: string;
  /** Where its machine keeps what it fetched. */
  readonly workFolder: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as GitMasterOptions;
const { name, databaseUrl: url, namespace, repository, workFolder } = options;

const master = new BuildMaster(
  {
    name,
    schedulers: [new SingleBranchScheduler('every', ['linux'], { branch: 'main' })],
    changeSources: [new GitPoller('git', { repository, workFolder, pollS: 0.2 })],
    drivers: [
      new BuildDriver('local', ['linux'], {
        executor: new CommandExecutor({ argv: ['git', '--version'] }),
        mostBuilds: 100,
      }),
    ],
    // The shortest lease that there is: the test waits for it at each kill.
    heartbeatMs: 200,
    leaseMs: 5_600,
    claimPollMs: 500,
  },
  {
    runtime: new NodeRuntime({ logLevel: 'error' }),
    driver: new PostgresDriver({ url, namespace }),
    commands: new NodeCommands(),
    exit: () => process.exit(1),
  },
);

process.once('SIGTERM', () => void master.stop().then(() => process.exit(0)));
void master.start();
