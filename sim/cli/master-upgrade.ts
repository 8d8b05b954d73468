// `standin master upgrade`: migrates a database, and forces housekeeping of all masters at the next start. To be run while
// no master does.

import { Command } from 'commander';
import { upgradeMaster } from '../../src/db/upgrade-master.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { EXIT } from './exit-code.js';

/** The command; `onExit` is told the exit code. */
export function masterUpgradeCommand(onExit: (code: number) => void): Command {
  return new Command('upgrade')
    .description('bring a database up to date; stop all masters first')
    .requiredOption('--db <url>', 'the database: sqlite:path or postgres://host/database')
    .option('--verbose', 'show the stack of an error')
    .action(async ({ db }: { readonly db: string }) => {
      const { from, to } = await upgradeMaster(db, new NodeRuntime());
      const what =
        from === to
          ? `is of schema version ${to} already`
          : `was upgraded from schema version ${from} to ${to}`;
      process.stdout.write(`the database ${what}\n`);
      onExit(EXIT.pass);
    });
}
