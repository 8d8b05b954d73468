// The executor of commands, on real child processes.

import { expect, test } from 'vitest';
import { EXCEPTION, FAILURE, SUCCESS } from '../../src/core/results.js';
import { CommandExecutor, type CommandExecutorOptions } from '../../src/drivers/command-executor.js';
import type { BuildOrder, ExecutorStatus } from '../../src/drivers/executor.js';
import { NodeCommands } from '../../src/runtime/node/commands.js';
import { TestRuntime } from '../support/test-runtime.js';

const ORDER: BuildOrder = {
  build: {
    buildid: 7, number: 3, builderid: 1, buildrequestid: 5, workerid: null, masterid: 1, incarnation: 1, startedAt: 0,
    complete: false, completeAt: null, stateString: '', results: null,
  }, // prettier-ignore
  builder: 'linux',
  request: {
    buildrequestid: 5, buildsetid: 4, builderid: 1, buildername: 'linux', priority: 0, complete: false, results: -1,
    submittedAt: 0, completeAt: null, waitedFor: false, claimed: true, claimedAt: 0, claimedByMasterid: 1,
  }, // prettier-ignore
  properties: {},
  stamps: [{ branch: 'master', revision: 'abc', repository: 'git://x', project: 'p', codebase: 'c' }],
};

function executorOf(
  argv: CommandExecutorOptions['argv'],
  options: Partial<CommandExecutorOptions> = {},
): CommandExecutor {
  const executor = new CommandExecutor({ argv, ...options });
  executor.attach({ runtime: new TestRuntime(), commands: new NodeCommands() });
  return executor;
}

/** Waits until the build has ended, however long that takes. */
async function endOf(executor: CommandExecutor, handle: string): Promise<ExecutorStatus> {
  for (;;) {
    const status = await executor.status(handle);
    if (status.kind !== 'running') return status;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function node(script: string): readonly string[] {
  return [process.execPath, '-e', script];
}

test('a command that succeeds is a success, and learns from its environment what to build', async () => {
  const script = `
    const { BUILDER, BUILD_NUMBER, BUILDSET, BRANCH, REVISION, REPOSITORY, PROJECT, CODEBASE, MORE } = process.env;
    const words = [BUILDER, BUILD_NUMBER, BUILDSET, BRANCH, REVISION, REPOSITORY, PROJECT, CODEBASE, MORE].join();
    if (words !== 'linux,3,4,master,abc,git://x,p,c,more') { console.error(words); process.exit(1); }`;
  const executor = executorOf(node(script), { environment: { MORE: 'more' } });
  const status = await endOf(executor, await executor.start(ORDER));
  expect(status).toEqual({ kind: 'finished', results: SUCCESS, stateString: 'build successful' });
});

test('any other exit code is a failure, with the last line of its errors', async () => {
  const executor = executorOf(() =>
    node(`console.error('first'); console.error('no rule'); process.exitCode = 2;`),
  );
  const status = await endOf(executor, await executor.start(ORDER));
  expect(status).toEqual({ kind: 'finished', results: FAILURE, stateString: 'exit code 2: no rule' });
});

test('a command that cannot be started, or is ended by a signal, is an exception', async () => {
  const missing = executorOf(['/no/such/program']);
  expect(await endOf(missing, await missing.start(ORDER))).toMatchObject({ results: EXCEPTION });
  const killed = executorOf(node(`process.kill(process.pid, 'SIGKILL')`));
  expect(await endOf(killed, await killed.start(ORDER))).toMatchObject({ results: EXCEPTION });
});

test('stop ends a build, and forgets it', async () => {
  const executor = executorOf(node('setInterval(() => {}, 1000)'));
  const handle = await executor.start(ORDER);
  expect(await executor.status(handle)).toEqual({ kind: 'running', stateString: 'running' });
  await executor.stop(handle);
  expect(await executor.status(handle)).toMatchObject({ kind: 'lost' });
  await executor.stop('unknown');
});

test('a command that is killed dies with what it has started', async () => {
  const script = `const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    setTimeout(() => process.exit(0), 10);`;
  const running = new NodeCommands().start({ argv: node(script) });
  // The grandchild holds the output open: only its end lets the command end.
  let hasEnded = false;
  void running.ended.then(() => (hasEnded = true));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(hasEnded).toBe(false);
  running.kill();
  await running.ended;
});

test('of much output the last is kept', async () => {
  const commands = new NodeCommands();
  const script = `for (let i = 0; i < 1000; i++) console.log('line ' + i); console.log('last');`;
  const end = await commands.start({ argv: node(script), keptBytes: 100 }).ended;
  expect(end.output).toHaveLength(100);
  expect(end.output.endsWith('line 999\nlast\n')).toBe(true);
  expect([end.isCut, end.exitCode]).toEqual([true, 0]);
});
