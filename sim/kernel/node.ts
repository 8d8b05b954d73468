// A node: one simulated machine that runs at most one process at a time. The machine's clock outlives its processes.

import { TimeZone } from '../../src/core/time-zone.js';
import { MachineClock } from './machine-clock.js';
import type { NodeProcess, Process } from './process.js';

export interface Node {
  readonly name: string;
  /** How many processes were started here so far. */
  readonly incarnation: number;
  readonly state: 'down' | 'up' | 'paused';
  /** The process that is up or paused; null when the node is down. */
  readonly process: Process | null;
}

/** How a node tells the time. */
export interface NodeClock {
  /** Of its wall clock from the world's, an integer of milliseconds. */
  readonly offsetMs: number;
  /** Rate of both its clocks. */
  readonly driftPpm: number;
  /** Of its local times, as the variable TZ of a real machine; default UTC. */
  readonly timeZone?: string;
}

/** The kernel's side of a node. */
export class MachineNode implements Node {
  readonly name: string;
  readonly clock: MachineClock;
  /** Null: UTC. */
  readonly timeZone: TimeZone | null;
  incarnation = 0;
  process: NodeProcess | null = null;

  constructor(name: string, clock: NodeClock, bootUs: number, epochMs: number) {
    const { offsetMs, driftPpm, timeZone = 'UTC' } = clock;
    this.name = name;
    this.clock = new MachineClock(offsetMs, driftPpm, bootUs, epochMs);
    this.timeZone = timeZone === 'UTC' ? null : new TimeZone(timeZone);
  }

  get state(): 'down' | 'up' | 'paused' {
    if (this.process === null) return 'down';
    return this.process.isPaused ? 'paused' : 'up';
  }
}
