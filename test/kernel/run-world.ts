// A kernel with one node for the tests of sim/kernel, and running one piece of code as an event of its process.

import { Decisions } from '../../sim/kernel/decisions.js';
import { Kernel, type KernelOptions, type Process } from '../../sim/kernel/kernel.js';
import { Trace } from '../../sim/kernel/trace.js';

export const SECOND_US = 1_000_000;

/** A kernel that keeps its whole trace. */
export function makeKernel(options: Partial<KernelOptions> = {}): Kernel {
  return new Kernel({
    decisions: new Decisions('seed'),
    trace: new Trace({ keepAll: true }),
    drain: 'tick',
    maxEvents: 1_000_000,
    ...options,
  });
}

/** Runs `main` as the first event of the process of a node 'a' and the world for `seconds`. */
export async function runProcess(
  main: (process: Process, kernel: Kernel) => void,
  options: Partial<KernelOptions> = {},
  seconds = 60,
): Promise<Kernel> {
  const kernel = makeKernel(options);
  const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
  kernel.start(node, (process) => main(process, kernel));
  await kernel.run(seconds * SECOND_US);
  return kernel;
}
