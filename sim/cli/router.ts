// `standin router`: a WAMP router for development, until SIGINT or SIGTERM. docs/message-queue.md says what it is not.

import { Command } from 'commander';
import { UsageError } from '../explore/usage-error.js';
import { EXIT } from './exit-code.js';
import { untilSignal } from './until-signal.js';

/** The command; `onExit` is told the exit code. */
export function routerCommand(onExit: (code: number) => void): Command {
  return new Command('router')
    .description('run a WAMP router for development (see docs/message-queue.md)')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <N>', 'the port to listen on; 0 for any that is free', '8080')
    .option('--realm <name>', 'the only realm that exists (default: any)')
    .option('--verbose', 'show the stack of an error')
    .action(async (flags: RouterFlags) => onExit(await router(flags)));
}

interface RouterFlags {
  readonly host: string;
  readonly port: string;
  readonly realm?: string;
}

async function router({ host, port, realm }: RouterFlags): Promise<number> {
  if (host === '') throw new UsageError('--host is empty: expected an address');
  if (realm !== undefined && !/^[^\s#]+$/.test(realm)) {
    throw new UsageError(`--realm ${JSON.stringify(realm)}: expected a name without spaces and #`);
  }
  const { RouterServer } = await import('../../src/mq/websocket/router-server.js');
  const server = await RouterServer.listen({ host, port: parsePort(port), realm: realm ?? null });
  const signalled = untilSignal();
  process.stdout.write(`WAMP router at ws://${host.includes(':') ? `[${host}]` : host}:${server.port}/\n`);
  await signalled;
  await server.close();
  return EXIT.pass;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new UsageError(`--port ${text} is no port: expected 0 to 65535`);
}
