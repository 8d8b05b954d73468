// The executor port: who does what builds stand for. A driver starts builds there and asks how far they are; an executor
// knows of no database, claim or master.

import type { BuildRequest } from '../db/build-requests.js';
import type { Build } from '../db/builds.js';
import type { Properties } from '../db/buildsets.js';
import type { SourceStamp } from '../db/sourcestamps.js';
import type { Commands } from '../runtime/commands.js';
import type { Runtime } from '../runtime/runtime.js';

/** What an executor is asked to do. */
export interface BuildOrder {
  readonly build: Build;
  readonly builder: string;
  readonly request: BuildRequest;
  /** Of the buildset: name to [value, source]. */
  readonly properties: Properties;
  readonly stamps: readonly SourceStamp[];
}

/** How far a build is. */
export type ExecutorStatus =
  /** It goes on; `stateString` says where it is. */
  | { readonly kind: 'running'; readonly stateString: string }
  /** It has ended with one of the results of core/results.ts, but RETRY. */
  | { readonly kind: 'finished'; readonly results: number; readonly stateString: string }
  /** Nobody knows what became of it (its worker is gone): it is built again. */
  | { readonly kind: 'lost'; readonly stateString: string };

/** What a master lends to its executors. */
export interface ExecutorPorts {
  readonly runtime: Runtime;
  /** Null where no commands can be run. */
  readonly commands: Commands | null;
}

/**
 * Starts builds and says how far they are. Each call may reject; a StandinError that is retryable means that it may be
 * asked again. None may take for ever, but a driver survives one that does.
 */
export interface Executor {
  /** Called once, before everything else. @throws ConfigError when something is missing. */
  attach?(ports: ExecutorPorts): void;
  /** Starts a build. Resolves with a handle for it, a text, when it has been accepted; what it does takes its time. */
  start(order: BuildOrder): Promise<string>;
  /** How far it is. */
  status(handle: string): Promise<ExecutorStatus>;
  /** Nobody will ask for it again: end it if it still runs, and forget it. Harmless when it is not known. */
  stop(handle: string): Promise<void>;
}
