// The production command line: `standin master start`, `check-config` and `upgrade`.
//
// A configuration file is a module whose default export is the options of a master (see src/master/config.ts). SIGHUP reads
// it again; what is wrong with it is logged, and nothing changes. SIGTERM and SIGINT stop cleanly, a second one ends the
// process at once. Exit codes: 0 stopped cleanly, 1 could not go on (a supervisor may start it again), 64 wrong
// configuration.

import { Command, Option } from 'commander';
import { ConfigError, StandinError, describeError } from './core/errors.js';
import type { LogLevel } from './runtime/runtime.js';
import { migrate } from './db/migrate.js';
import { upgradeMaster } from './db/upgrade-master.js';
import { openDatabase, openReplica, parseDatabaseUrl, type RealDriver } from './db/open-database.js';
import { BuildMaster } from './master/build-master.js';
import { completeConfig, type MasterConfig, type MasterOptions } from './master/config.js';
import { NodeCommands } from './runtime/node/commands.js';
import { NodeWebSocket } from './mq/websocket/client.js';
import { sleep } from './runtime/clock.js';
import { NodeJobDirectory } from './runtime/node/job-directory.js';
import { LOG_LEVELS, NodeRuntime } from './runtime/node/runtime.js';

/** Evaluates the module in a file, in TypeScript or JavaScript, anew each time; returns its exports. */
export type LoadModule = (file: string) => Promise<Readonly<Record<string, unknown>>>;

/** What a shared file cannot do: docs/databases.md says more. */
const FILE_LIMITS: readonly string[] = [
  '  the file is for masters of one machine, and must not be on a network file system',
  '  a master that crashes is replaced in time; one that is stopped inside a write holds up all others',
];
const CANNOT_GO_ON = 1;
const RETRY_MS = 2_000;
/** What a shell says of a process that SIGTERM ended. */
const TERMINATED = 143;

/** The command `master`; `onExit` is told the exit code. Wrong configuration is thrown as a ConfigError. */
export function masterCommand(onExit: (code: number) => void, loadModule: LoadModule): Command {
  const level = new Option('--log-level <level>', 'the least grave messages to write').choices(LOG_LEVELS);
  const command = new Command('master').description('run a real master').exitOverride(); // subcommands inherit that
  command
    .command('start')
    .description('run until SIGTERM; SIGHUP reads the configuration again')
    .argument('<file>', 'a module that exports the options of a master as its default')
    .addOption(level.default('info'))
    .action(async (file: string, flags: { readonly logLevel: LogLevel }) => {
      const config = await loadConfig(file, loadModule);
      const runtime = new NodeRuntime({ logLevel: flags.logLevel });
      onExit(await new MasterProcess(runtime, config, () => loadConfig(file, loadModule)).run());
    });
  command
    .command('check-config')
    .description('say what is wrong with a configuration, or what it comes to')
    .argument('<file>', 'as for start')
    .action(async (file: string) => {
      const config = await loadConfig(file, loadModule);
      process.stdout.write(`${[`${file} is valid`, ...describeConfig(config)].join('\n')}\n`);
      onExit(0);
    });
  command
    .command('upgrade')
    .description('bring a database up to date; stop all masters first')
    .requiredOption('--db <url>', 'the database: sqlite:path or postgres://host/database')
    .option('--verbose', 'show the stack of an error')
    .action(async ({ db }: { readonly db: string }) => {
      process.stdout.write(`the database ${describeUpgrade(await upgradeMaster(db, new NodeRuntime()))}\n`);
      onExit(0);
    });
  return command;
}

function describeUpgrade({ from, to }: { readonly from: number; readonly to: number }): string {
  if (from === to) return `is of schema version ${to} already`;
  return `was upgraded from schema version ${from} to ${to}`;
}

async function loadConfig(file: string, loadModule: LoadModule): Promise<MasterConfig> {
  const { default: options } = await loadModule(file);
  try {
    return completeConfig(options as MasterOptions);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${file}: ${error.message}`);
    throw error;
  }
}

function describeConfig(config: MasterConfig): readonly string[] {
  const { name, schedulers, db, replica, mq, heartbeatMs, leaseMs } = config;
  const { kind } = parseDatabaseUrl(db);
  return [
    `  master ${name}, database ${kind}, queue ${mq.type}`,
    ...(kind === 'file' ? FILE_LIMITS : []),
    ...(replica === null ? [] : ['  lists are read from a replica, and may be old']),
    `  a lease of ${leaseMs} ms, renewed every ${heartbeatMs} ms`,
    ...schedulers.map((scheduler) => `  ${scheduler.constructor.name} ${scheduler.name}`),
  ];
}

/** A master as a process of its own: its signals, and what it ends with. */
class MasterProcess {
  readonly #runtime: NodeRuntime;
  readonly #reload: () => Promise<MasterConfig>;
  readonly #config: MasterConfig;
  #end: (code: number) => void = () => undefined;
  #isStopping = false;

  constructor(runtime: NodeRuntime, config: MasterConfig, reload: () => Promise<MasterConfig>) {
    this.#runtime = runtime;
    this.#config = config;
    this.#reload = reload;
  }

  /** Resolves to the exit code when the master has ended. */
  async run(): Promise<number> {
    const ended = new Promise<number>((resolve) => (this.#end = resolve));
    const driver = await openDatabase(this.#config.db, this.#runtime.clock);
    const { replica: replicaUrl } = this.#config;
    const replica = replicaUrl === null ? null : await openReplica(replicaUrl, this.#runtime.clock);
    const master = this.#build(driver, replica);
    const signals = { SIGHUP: () => this.#reread(master), SIGTERM: () => this.#stop(master) };
    const listeners = { ...signals, SIGINT: signals.SIGTERM };
    for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
    process.on('uncaughtException', (error) => this.#die(error)); // of a rejection that nobody handled, too
    this.#start(master, driver).catch((error: unknown) => this.#die(error));
    const exitCode = await ended;
    replica?.close();
    driver.close();
    return exitCode;
  }

  #build(driver: RealDriver, replica: RealDriver | null): BuildMaster {
    const exit = (reason: string): never => {
      this.#log('error', `ends: ${reason}`);
      process.exit(CANNOT_GO_ON);
    };
    const openJobDirectory = (path: string): NodeJobDirectory => new NodeJobDirectory(path);
    const ports = {
      runtime: this.#runtime,
      driver,
      webSocket: NodeWebSocket,
      openJobDirectory,
      commands: new NodeCommands(),
      exit,
    };
    return new BuildMaster(this.#config, { ...ports, ...(replica !== null && { replica }) });
  }

  /** On an empty database the tables are made first; one that cannot be reached is waited for. */
  async #start(master: BuildMaster, driver: RealDriver): Promise<void> {
    while (!this.#isStopping && !(await this.#migrate(driver))) await sleep(this.#runtime.clock, RETRY_MS);
    if (this.#isStopping) return;
    await master.start();
    if (!this.#isStopping) this.#log('info', `'${master.config.name}' runs`);
  }

  async #migrate(driver: RealDriver): Promise<boolean> {
    try {
      await migrate(driver, this.#runtime, 'empty');
      return true;
    } catch (error) {
      if (!(error instanceof StandinError) || !error.isRetryable) throw error;
      this.#log('warning', `the database is waited for: ${describeError(error)}`);
      return false;
    }
  }

  #stop(master: BuildMaster): void {
    if (this.#isStopping) process.exit(TERMINATED);
    this.#isStopping = true;
    this.#log('info', `'${master.config.name}' stops`);
    void master.stop().then(() => {
      this.#log('info', `'${master.config.name}' has stopped`);
      this.#end(0);
    });
  }

  #reread(master: BuildMaster): void {
    this.#reload()
      .then((config) => master.reconfigure(config))
      .catch((error: unknown) => {
        this.#log('error', `not reconfigured, nothing has changed: ${messageOf(error)}`);
      });
  }

  /** Nothing more is written or released: the lease runs out, and another master takes over. */
  #die(error: unknown): never {
    this.#log('error', error instanceof StandinError ? describeError(error) : stackOf(error));
    process.exit(CANNOT_GO_ON);
  }

  #log(level: LogLevel, message: string): void {
    this.#runtime.logger.log(level, message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof StandinError ? error.message : stackOf(error);
}

/** What only a mistake in the code causes is shown with its place. */
function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
