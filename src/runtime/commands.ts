// The port for commands of the machine: child processes that are started, heard and, if need be, killed.

/** What is to be run. */
export interface Command {
  /** The program, found as the host finds programs, and its arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** The folder that it runs in; default that of the process. */
  readonly folder?: string;
  /** Variables besides those of the process; null takes one away. */
  readonly environment?: Readonly<Record<string, string | null>>;
  /** How much of its output and of its errors is kept, the last of each, in bytes. Default 1 MiB. */
  readonly keptBytes?: number;
}

/** How a command ended. */
export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** UTF-8, what was kept of it; `isCut` says that the beginning of one of the two is missing. */
  readonly output: string;
  readonly errors: string;
  readonly isCut: boolean;
}

/** A command that runs. */
export interface RunningCommand {
  /** Resolves when it has ended and all its output is here. @throws StandinError `command-not-started` */
  readonly ended: Promise<CommandEnd>;
  /** Ends it and what it started, at once; harmless when it has ended. */
  kill(): void;
}

export interface Commands {
  /** Starts a command, and returns. */
  start(command: Command): RunningCommand;
}
