// What a fault is: data in a plan, an arbitrary that draws it, a strike, and the undo of the strike.
//
// Faults act only through the surface that the world offers. A strike that finds nothing to strike (crash of a master
// that is down) says so and changes nothing. An undo restores what the strike changed and nothing else: faults overlap,
// so it first looks whether what it would restore is still as the strike left it. Every fault traces itself.

import type fc from 'fast-check';
import type { Kernel } from '../kernel/kernel.js';
import type { DatabaseServer } from '../world/database-server.js';
import type { Network } from '../world/network.js';
import type { ChoreList } from '../workload/chores.js';
import type { ReplicaNode } from '../world/replica-node.js';
import type { RouterNode } from '../world/router-node.js';

/** The node of the database server. */
export const DATABASE_NODE = 'db';

/** A fault as it stands in a plan: plain JSON. */
export interface PlannedFault {
  readonly kind: string;
  /** When it strikes, from the start of the run. */
  readonly atMs: number;
  /** When it is undone, after the strike; 0 = it has no duration, and nothing is undone. */
  readonly durationMs: number;
  /** The master that it strikes; '' when it strikes the world. */
  readonly target: string;
  readonly params: Readonly<Record<string, number | string>>;
}

/** What is drawn for a fault; its kind and its time are the plan's. */
export type DrawnFault = Omit<PlannedFault, 'kind' | 'atMs'>;

/** What the draw of a fault may depend on. */
export interface FaultContext {
  readonly masters: readonly string[];
  readonly leaseMs: number;
}

export interface Fault {
  readonly kind: string;
  /** One line for people. */
  readonly description: string;
  /** Draws target, duration and parameters; shrinks towards the mildest. */
  arbitrary(context: FaultContext): fc.Arbitrary<DrawnFault>;
  /** @throws StandinError `bad-fault` when target or parameters are not such as this kind needs. */
  check(fault: PlannedFault, masters: readonly string[]): void;
  /**
   * The masters that may be unable to do their work while this fault lasts: that do not run, or whose links, database or
   * router are out of order. Faults of clocks and of single messages leave all masters able.
   */
  impairs(fault: PlannedFault, masters: readonly string[]): readonly string[];
  /** True when a strike does nothing by itself: it takes effect with the first message that it hits, if any. */
  readonly hasHits: boolean;
  /**
   * Strikes now, outside any process. Returns what undoes it (calling that twice is harmless), or null when there was
   * nothing to strike. Calls `onHit` at each hit, if it has hits. @throws StandinError `bad-fault` like `check`.
   */
  strike(surface: FaultSurface, fault: PlannedFault, onHit: () => void): (() => void) | null;
}

/** What the world lets faults do. */
export interface FaultSurface {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly router: RouterNode;
  /** The server that was started last. */
  readonly database: DatabaseServer;
  /** Null when nobody reads from one in this world. */
  readonly replica: ReplicaNode | null;
  /** Null when no driver of this world has tasks that could be spoilt. */
  readonly chores: ChoreList | null;
  readonly masters: readonly string[];
  /** The drift that the plan gives the clock of this master, in ppm. */
  driftPpm(master: string): number;
  /** Kills the process, with `host` the whole machine (peers see nothing); false when it is down. */
  crashMaster(name: string, host: boolean): boolean;
  /** Starts a master that is down. */
  startMaster(name: string): void;
  /** Begins a clean stop; false when the master is not up. */
  stopMaster(name: string): boolean;
  /** Starts one more process under this master's name, on a machine of its own; false when there is one already. */
  startSecond(name: string): boolean;
  /** Kills it; harmless when it has ended. */
  crashSecond(name: string): void;
  crashRouter(): boolean;
  startRouter(): void;
  crashDatabase(): boolean;
  startDatabase(): void;
}
