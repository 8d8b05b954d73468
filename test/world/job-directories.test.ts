// The simulated job directory: shared by all processes, slow, and of no effect once its process is dead.

import { expect, test } from 'vitest';
import type { Process } from '../../sim/kernel/kernel.js';
import { JobDirectories } from '../../sim/world/job-directories.js';
import { makeKernel, SECOND_US } from '../kernel/run-world.js';

test('what is delivered is listed, read and moved by every process', async () => {
  const kernel = makeKernel();
  const directories = new JobDirectories(kernel);
  directories.deliver('jobs', 'b', Buffer.from('second'));
  directories.deliver('jobs', 'a', Buffer.from('first'));
  directories.deliver('others', 'c', Buffer.from(''));
  const seen: unknown[] = [];
  const take = async (process: Process): Promise<void> => {
    const directory = directories.portOf(process)('jobs');
    seen.push(await directory.list(), Buffer.from((await directory.read('a')) ?? []).toString());
    await directory.move('a', 'cur');
    await directory.move('a', 'bad');
    seen.push(await directory.list(), await directory.read('a'));
  };
  for (const [i, name] of ['one', 'two'].entries()) {
    const node = kernel.addNode(name, { offsetMs: 0, driftPpm: 0 });
    kernel.at(i * SECOND_US, () => void kernel.start(node, (process) => void take(process)));
  }
  await kernel.run(10 * SECOND_US);
  expect(seen).toEqual([['a', 'b'], 'first', ['b'], null, ['b'], '', ['b'], null]);
});

test('an operation whose process dies first does not happen, and never answers', async () => {
  const kernel = makeKernel();
  const directories = new JobDirectories(kernel);
  directories.deliver('jobs', 'a', Buffer.from('first'));
  const node = kernel.addNode('one', { offsetMs: 0, driftPpm: 0 });
  let hasAnswered = false;
  kernel.start(node, (process) => {
    void directories
      .portOf(process)('jobs')
      .move('a', 'cur')
      .then(() => (hasAnswered = true));
  });
  kernel.at(1_000, () => kernel.crash(node, 'process crash'));
  const names: (readonly string[])[] = [];
  kernel.at(SECOND_US, () => {
    kernel.start(
      node,
      (process) =>
        void directories
          .portOf(process)('jobs')
          .list()
          .then((list) => names.push(list)),
    );
  });
  await kernel.run(10 * SECOND_US);
  expect([hasAnswered, names]).toEqual([false, [['a']]]);
});
