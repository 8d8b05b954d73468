// `standin history`: exports the commit history of a git repository, to be used with --changes. This is also how
// scenarios/history.jsonl is made; it is refreshed on purpose only, since every seed depends on it.

import { Command } from 'commander';
import { exportHistory } from '../workload/change-log.js';
import { EXIT } from './exit-code.js';

/** The command; `onExit` is told the exit code. */
export function historyCommand(onExit: (code: number) => void): Command {
  return new Command('history')
    .description('export the commits of a git repository to a file, for --changes')
    .argument('<repository>', 'a folder inside a git repository')
    .argument('<out.jsonl>', 'the file to be written')
    .option('--verbose', 'show the stack of an error')
    .action((repository: string, outFile: string) => {
      const count = exportHistory(repository, outFile);
      process.stdout.write(`${count} commits written to ${outFile}\n`);
      onExit(EXIT.pass);
    });
}
