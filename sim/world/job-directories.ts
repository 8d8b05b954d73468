// Job directories that all masters share, as on a network file system: each operation takes a while, and happens at its end
// or, when its process died before, not at all.

import type { JobDirectory, OpenJobDirectory } from '../../src/runtime/job-directory.js';
import type { Kernel, Process } from '../kernel/kernel.js';

type Folder = 'new' | 'cur' | 'bad';

const OPERATION_US = 2_000;

export class JobDirectories {
  readonly #kernel: Kernel;
  readonly #files = new Map<string, Uint8Array>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Puts a whole file into `new`. */
  deliver(path: string, name: string, file: Uint8Array): void {
    this.#files.set(keyOf(path, 'new', name), file);
  }

  /** The port of one process. */
  portOf(process: Process): OpenJobDirectory {
    return (path): JobDirectory => ({
      list: () => this.#after(process, () => this.#names(path)),
      read: (name) => this.#after(process, () => this.#files.get(keyOf(path, 'new', name)) ?? null),
      move: (name, to) => this.#after(process, () => this.#move(path, name, to)),
    });
  }

  #after<T>(process: Process, operation: () => T): Promise<T> {
    return new Promise((resolve) => {
      const atUs = this.#kernel.nowUs + OPERATION_US;
      this.#kernel.atProcess(atUs, process, () => resolve(operation()));
    });
  }

  #names(path: string): readonly string[] {
    const prefix = keyOf(path, 'new', '');
    const names = [...this.#files.keys()].filter((key) => key.startsWith(prefix));
    return names.map((key) => key.slice(prefix.length)).sort((a, b) => (a < b ? -1 : 1));
  }

  #move(path: string, name: string, to: Folder): void {
    const file = this.#files.get(keyOf(path, 'new', name));
    if (file === undefined) return;
    this.#files.delete(keyOf(path, 'new', name));
    this.#files.set(keyOf(path, to, name), file);
  }
}

function keyOf(path: string, folder: Folder, name: string): string {
  return `${path}\0${folder}\0${name}`;
}
