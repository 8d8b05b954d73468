// The `standin` command line: what can be typed, and what the process ends with. Each command has its file in cli/.
//
// Every mistake of the user's is one line on standard error and exit code 64; its stack is shown with --verbose only.

import { Command, CommanderError } from 'commander';
import { StandinError } from '../src/core/errors.js';
import { canaryCommand } from './cli/canary.js';
import { debugCommand } from './cli/debug.js';
import { EXIT } from './cli/exit-code.js';
import { historyCommand } from './cli/history.js';
import { listCommand } from './cli/list.js';
import { newCommand } from './cli/new.js';
import { queueCommand } from './cli/queue.js';
import { replayCommand } from './cli/replay.js';
import { routerCommand } from './cli/router.js';
import { runCommand } from './cli/run.js';
import { masterCommand } from '../src/cli.js';
import { loadModule } from './explore/scenario-lookup.js';
import { watchCommand } from './cli/watch.js';
import { STANDIN_VERSION } from './explore/package-root.js';

/** Runs the command line `args` (without node and script) and returns the exit code of the process. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.pass;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, args.includes('--verbose'));
  }
}

function buildProgram(onExit: (code: number) => void): Command {
  const program = new Command('standin')
    .description(
      'Runs clusters of masters in a simulated world that crashes, cuts and delays, and says what broke.',
    )
    .version(STANDIN_VERSION)
    .option('--verbose', 'show the stack of an error')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();
  for (const define of [
    runCommand,
    replayCommand,
    listCommand,
    canaryCommand,
    historyCommand,
    newCommand,
    routerCommand,
    queueCommand,
    watchCommand,
    debugCommand,
  ]) {
    program.addCommand(define(onExit).exitOverride());
  }
  program.addCommand(masterCommand(onExit, loadModule));
  return program;
}

const EXIT_CODES = `
Exit codes: 0 every run passed, 1 a guarantee was broken, 2 a run had no verdict, 3 one plan gave two traces,
4 a declared fault or guarantee never took effect, 64 wrong usage.`;

function report(error: unknown, isVerbose: boolean): number {
  // Commander has said it already, and uses exit code 0 for --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.pass : EXIT.usage;
  const isExpected = error instanceof StandinError;
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`standin: ${isExpected ? text : `internal error: ${text}`}\n`);
  const stack = error instanceof Error ? error.stack : undefined;
  if ((isVerbose || !isExpected) && stack !== undefined) process.stderr.write(`${stack}\n`);
  return isExpected ? EXIT.usage : EXIT.unknown;
}
