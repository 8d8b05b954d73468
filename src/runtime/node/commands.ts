// Commands as child processes of this one, each in a process group of its own, so that what it started dies with it.

import { spawn, type ChildProcess } from 'node:child_process';
import { StandinError } from '../../core/errors.js';
import type { Command, CommandEnd, Commands, RunningCommand } from '../commands.js';

const KEPT_BYTES = 1024 * 1024;

export class NodeCommands implements Commands {
  start(command: Command): RunningCommand {
    const [program = '', ...args] = command.argv;
    const child = spawn(program, args, {
      cwd: command.folder,
      env: environmentOf(command),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let hasClosed = false;
    child.once('close', () => (hasClosed = true));
    // Until its output is closed, somebody of its group lives, be it not itself.
    const kill = (): void => (hasClosed ? undefined : killGroup(child));
    return { ended: endOf(child, program, command.keptBytes ?? KEPT_BYTES), kill };
  }
}

function endOf(child: ChildProcess, program: string, keptBytes: number): Promise<CommandEnd> {
  const output = new Tail(keptBytes);
  const errors = new Tail(keptBytes);
  child.stdout?.on('data', (data: Buffer) => output.add(data));
  child.stderr?.on('data', (data: Buffer) => errors.add(data));
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.once('error', () =>
      reject(new StandinError('command-not-started', `the command '${program}' could not be started`)),
    );
    child.once('close', (exitCode) => {
      resolve({ exitCode, output: output.text, errors: errors.text, isCut: output.isCut || errors.isCut });
    });
  });
  ended.catch(() => undefined); // who waits for it sees it; nobody need
  return ended;
}

/** The last bytes of a stream. */
class Tail {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #size = 0;
  isCut = false;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 2 * this.#most) return; // cut now and then, not at each chunk
    this.#cut();
  }

  get text(): string {
    this.#cut();
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  #cut(): void {
    if (this.#size <= this.#most) return;
    this.#chunks = [Buffer.concat(this.#chunks).subarray(-this.#most)];
    this.#size = this.#most;
    this.isCut = true;
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // where there are no process groups
  }
}

function environmentOf({ environment = {} }: Command): NodeJS.ProcessEnv {
  const variables: NodeJS.ProcessEnv = { ...process.env };
  for (const [name, value] of Object.entries(environment)) {
    if (value === null) delete variables[name];
    else variables[name] = value;
  }
  return variables;
}
