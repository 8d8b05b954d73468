// `standin queue`: which durable queues there are and how much waits in them, and the end of one whose consumer is gone.

import { Command } from 'commander';
import { StandinError } from '../../src/core/errors.js';
import { nearest } from '../../src/core/nearest.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { openDatabase } from '../../src/db/open-database.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { EXIT } from './exit-code.js';

interface QueueFlags {
  readonly db: string;
}

/** The command; `onExit` is told the exit code. */
export function queueCommand(onExit: (code: number) => void): Command {
  const command = new Command('queue').description('look after the durable queues of a database');
  for (const sub of [listCommand(onExit), dropCommand(onExit)]) {
    sub
      .requiredOption('--db <url>', 'the database: sqlite:path or postgres://host/database')
      .option('--verbose', 'show the stack of an error');
    command.addCommand(sub.exitOverride());
  }
  return command;
}

function listCommand(onExit: (code: number) => void): Command {
  return new Command('list')
    .description('list all queues: how many messages wait, the name, the filter')
    .action(async ({ db: url }: QueueFlags) => {
      const queues = await withDatabase(url, (db) => db.queues.list());
      const lines = queues.map(({ name, filter, waiting }) => {
        const words = filter.map((word) => word ?? '*').join('.');
        return `${String(waiting).padStart(8)}  ${name}  ${words}\n`;
      });
      process.stdout.write(lines.length === 0 ? 'there are no queues\n' : lines.join(''));
      onExit(EXIT.pass);
    });
}

function dropCommand(onExit: (code: number) => void): Command {
  return new Command('drop')
    .description('end a queue and forget what waits in it; its consumer begins anew if it ever comes back')
    .argument('<name>', 'as `list` shows it')
    .action(async (name: string, { db: url }: QueueFlags) => {
      const dropped = await withDatabase(url, (db) => drop(db, name));
      process.stdout.write(`the queue '${name}' is gone, and ${dropped} messages with it\n`);
      onExit(EXIT.pass);
    });
}

async function drop(db: DatabaseConnector, name: string): Promise<number> {
  const dropped = await db.queues.drop(name);
  if (dropped !== null) return dropped;
  const names = (await db.queues.list()).map((queue) => queue.name);
  throw new StandinError('no-queue', `there is no queue named '${name}'${nearest(name, names)}`);
}

async function withDatabase<T>(url: string, work: (db: DatabaseConnector) => Promise<T>): Promise<T> {
  const runtime = new NodeRuntime();
  const driver = await openDatabase(url, runtime.clock);
  const db = new DatabaseConnector(driver, runtime);
  try {
    await db.checkSchema();
    return await work(db);
  } finally {
    db.database.stop();
    driver.close();
  }
}
