// Scripts in TypeScript as processes of their own: bundled once, started as often as a test likes.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export class Script {
  readonly #folder: string;
  readonly #running = new Set<Child>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bundles the script at `path`, from the root of the repository; packages stay where they are. */
  static async bundle(path: string): Promise<Script> {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const cache = join(root, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true }); // it is there when another tool has made it
    const folder = mkdtempSync(join(cache, 'standin-script-'));
    const target = { platform: 'node', format: 'esm', target: 'node20' } as const;
    const outfile = join(folder, 'script.mjs');
    await build({ entryPoints: [join(root, path)], bundle: true, packages: 'external', outfile, ...target });
    return new Script(folder);
  }

  start(...args: readonly string[]): Child {
    const child = new Child(
      spawn(process.execPath, [join(this.#folder, 'script.mjs'), ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    this.#running.add(child);
    void child.ended.then(() => this.#running.delete(child));
    return child;
  }

  /** Kills what still runs and removes the bundle. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class Child {
  /** Resolves to the exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  #rest = '';
  #listeners: (() => void)[] = [];

  constructor(process: ChildProcess) {
    this.#process = process;
    process.stdout?.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    this.ended = new Promise((resolve) => {
      process.once('close', (code) => {
        resolve(code);
        this.#wake();
      });
    });
  }

  /** Resolves when it has written `count` lines that begin with `prefix`, or has ended; false then. */
  async said(prefix: string, count = 1): Promise<boolean> {
    const enough = (): boolean => this.lines.filter((line) => line.startsWith(prefix)).length >= count;
    let hasEnded = false;
    void this.ended.then(() => (hasEnded = true));
    while (!enough() && !hasEnded) await new Promise<void>((resolve) => this.#listeners.push(resolve));
    return enough();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  #heard(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.lines.push(...lines);
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
