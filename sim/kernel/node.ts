// A node: one simulated machine that runs at most one process at a time. The machine's clock outlives its processes.

import type { MachineClock } from './machine-clock.js';
import type { NodeProcess, Process } from './process.js';

export interface Node {
  readonly name: string;
  /** How many processes were started here so far. */
  readonly incarnation: number;
  readonly state: 'down' | 'up' | 'paused';
  /** The process that is up or paused; null when the node is down. */
  readonly process: Process | null;
}

/** The kernel's side of a node. */
export class MachineNode implements Node {
  readonly name: string;
  readonly clock: MachineClock;
  incarnation = 0;
  process: NodeProcess | null = null;

  constructor(name: string, clock: MachineClock) {
    this.name = name;
    this.clock = clock;
  }

  get state(): 'down' | 'up' | 'paused' {
    if (this.process === null) return 'down';
    return this.process.isPaused ? 'paused' : 'up';
  }
}
