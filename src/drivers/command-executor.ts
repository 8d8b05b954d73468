// An executor that runs one local command a build, as a child process.
//
// The command learns what to build from its environment: BUILDER, BUILD_NUMBER, BUILDSET, and of the first source stamp
// BRANCH, REVISION, REPOSITORY, PROJECT, CODEBASE. Exit code 0 is success, any other failure.

import { ConfigError } from '../core/errors.js';
import { EXCEPTION, FAILURE, SUCCESS } from '../core/results.js';
import type { CommandEnd, Commands, RunningCommand } from '../runtime/commands.js';
import type { BuildOrder, Executor, ExecutorPorts, ExecutorStatus } from './executor.js';

export interface CommandExecutorOptions {
  /** The program and its arguments; no shell reads them. Or a function that says so for each build. */
  readonly argv: readonly string[] | ((order: BuildOrder) => readonly string[]);
  /** The folder that it runs in; default that of the master's process. */
  readonly folder?: string;
  /** Variables besides those of the master and of the build. */
  readonly environment?: Readonly<Record<string, string>>;
}

interface Run {
  readonly command: RunningCommand;
  end: ExecutorStatus | null;
}

export class CommandExecutor implements Executor {
  readonly #options: CommandExecutorOptions;
  readonly #runs = new Map<string, Run>();
  #commands: Commands | null = null;

  /** @throws ConfigError */
  constructor(options: CommandExecutorOptions) {
    const { argv } = options;
    const isRight = typeof argv === 'function' || (Array.isArray(argv) && argv.length > 0);
    if (!isRight)
      throw new ConfigError(`the executor's 'argv' must be a program with its arguments, or a function`);
    this.#options = options;
  }

  attach({ commands }: ExecutorPorts): void {
    if (commands === null) throw new ConfigError('the host of this master runs no commands');
    this.#commands = commands;
  }

  async start(order: BuildOrder): Promise<string> {
    if (this.#commands === null) throw new ConfigError('the executor belongs to no master');
    const { argv, folder, environment } = this.#options;
    const command = this.#commands.start({
      argv: typeof argv === 'function' ? argv(order) : argv,
      ...(folder !== undefined && { folder }),
      environment: { ...variablesOf(order), ...environment },
    });
    const handle = String(order.build.buildid);
    const run: Run = { command, end: null };
    this.#runs.set(handle, run);
    command.ended.then(
      (end) => (run.end = statusOf(end)),
      () => (run.end = { kind: 'finished', results: EXCEPTION, stateString: 'the command did not start' }),
    );
    return handle;
  }

  async status(handle: string): Promise<ExecutorStatus> {
    const run = this.#runs.get(handle);
    if (run === undefined) return { kind: 'lost', stateString: 'no such build' };
    return run.end ?? { kind: 'running', stateString: 'running' };
  }

  async stop(handle: string): Promise<void> {
    this.#runs.get(handle)?.command.kill();
    this.#runs.delete(handle);
  }
}

function statusOf({ exitCode, errors }: CommandEnd): ExecutorStatus {
  const kind = 'finished';
  if (exitCode === 0) return { kind, results: SUCCESS, stateString: 'build successful' };
  if (exitCode === null) return { kind, results: EXCEPTION, stateString: 'ended by a signal' };
  const lastLine = errors.trimEnd().split('\n').at(-1) ?? '';
  const text = lastLine === '' ? `exit code ${exitCode}` : `exit code ${exitCode}: ${lastLine}`;
  return { kind, results: FAILURE, stateString: text.slice(0, LONGEST_STATE) };
}

const LONGEST_STATE = 200;

function variablesOf({ build, builder, request, stamps }: BuildOrder): Record<string, string> {
  const stamp = stamps[0];
  return {
    BUILDER: builder,
    BUILD_NUMBER: String(build.number),
    BUILDSET: String(request.buildsetid),
    BRANCH: stamp?.branch ?? '',
    REVISION: stamp?.revision ?? '',
    REPOSITORY: stamp?.repository ?? '',
    PROJECT: stamp?.project ?? '',
    CODEBASE: stamp?.codebase ?? '',
  };
}
