// The one question that every guarded global asks: what is to happen to this use?

import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StandinError } from '../../../src/core/errors.js';
import { executing, type Execution } from '../executing.js';
import type { SourcePlace, StackPlace } from '../guard-policy.js';
import type { NodeProcess } from '../process.js';
import { stackPlaces } from '../stack-places.js';

/** Under `strict`, a use of an ambient global by the user's code. */
export class AmbientUseError extends StandinError {
  readonly global: string;
  readonly place: SourcePlace;

  constructor(global: string, place: SourcePlace) {
    super(
      'ambient-use',
      `${global} is used at ${place.file}:${place.line}, expected the ports of the master: this.clock, this.runtime.random (strict mode)`,
      { isMistake: true },
    );
    this.global = global;
    this.place = place;
  }
}

/** A use of what no simulated process can have, or of any ambient global in an event of the world. */
export class AmbientRefusedError extends StandinError {
  readonly global: string;

  constructor(global: string, why: string) {
    super('ambient-refused', `${global} is refused ${why}`, { isMistake: true });
    this.global = global;
  }
}

/** sim/kernel: its frames are between the user's code and the user's callback. */
const KERNEL_FOLDER = dirname(dirname(fileURLToPath(import.meta.url))) + sep;
const NODE_MODULES = /(^|[/\\])node_modules[/\\]/;
const STACK_DEPTH = 50;

/**
 * The process to route a use of the ambient global `name` to; null when it passes through.
 * @throws AmbientUseError under `strict`, unless the caller is Node itself or in node_modules.
 * @throws AmbientRefusedError in an event of the world.
 */
export function ambientProcess(name: string): NodeProcess | null {
  const run = executing;
  if (run === null || run.isHost) return null;
  const process = run.currentProcess;
  if (process === null) throw new AmbientRefusedError(name, worldAdvice(run));
  if (run.guard.mode === 'strict') refuseUserCode(run, name);
  run.countAmbient(name);
  return process;
}

/** True while `ambientProcess` would not let a use pass through; neither counts nor throws. */
export function isGuarding(): boolean {
  return executing !== null && !executing.isHost;
}

/** @throws AmbientRefusedError while a run is executing, except in host code. */
export function refuse(name: string): void {
  const run = executing;
  if (run === null || run.isHost) return;
  const place = userPlace(run);
  const where = place === null ? '' : ` at ${place.file}:${place.line}`;
  throw new AmbientRefusedError(
    name,
    `during a simulated run${where}: a simulated process has no such thing`,
  );
}

function worldAdvice(run: Execution): string {
  const place = userPlace(run);
  const where = place === null ? '' : ` at ${place.file}:${place.line}`;
  return `while no process is current${where}: use the kernel's time and decisions, or wrap host code in kernel.host()`;
}

function refuseUserCode(run: Execution, name: string): void {
  const [caller] = callers(run);
  if (caller === undefined || isNodes(caller)) return;
  const place = sourcePlace(run, caller);
  if (!NODE_MODULES.test(caller.file) && !NODE_MODULES.test(place.file))
    throw new AmbientUseError(name, place);
}

/** The innermost frame that is neither Node's nor the kernel's. */
function userPlace(run: Execution): SourcePlace | null {
  const frame = callers(run).find((candidate) => !isNodes(candidate));
  return frame === undefined ? null : sourcePlace(run, frame);
}

function callers(run: Execution): StackPlace[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_DEPTH;
  // As host code: whoever translates stacks to sources may read files to do so.
  const stack = run.host(() => new Error().stack ?? '');
  Error.stackTraceLimit = limit;
  return stackPlaces(stack).filter(({ file }) => !file.startsWith(KERNEL_FOLDER));
}

function isNodes(frame: StackPlace): boolean {
  return frame.file.startsWith('node:');
}

/** Without a source map the file's name alone: a path of this machine must not enter a trace. */
function sourcePlace(run: Execution, frame: StackPlace): SourcePlace {
  const mapped = run.guard.sourceOf?.(frame);
  if (mapped !== null && mapped !== undefined) return mapped;
  return {
    file: NODE_MODULES.test(frame.file) ? frame.file : frame.file.replace(/^.*[/\\]/, ''),
    line: frame.line,
  };
}
