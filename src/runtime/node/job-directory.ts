// A job directory in the file system of this machine (or one that several machines share).

import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobDirectory } from '../job-directory.js';

const FOLDERS = ['new', 'cur', 'tmp', 'bad'] as const;

export class NodeJobDirectory implements JobDirectory {
  readonly #path: string;

  /** `path` as the process resolves it. */
  constructor(path: string) {
    this.#path = path;
  }

  async list(): Promise<readonly string[]> {
    for (const folder of FOLDERS) await mkdir(join(this.#path, folder), { recursive: true });
    const entries = await readdir(join(this.#path, 'new'), { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    return names.sort((a, b) => (a < b ? -1 : 1));
  }

  async read(name: string): Promise<Uint8Array | null> {
    return unlessGone(() => readFile(join(this.#path, 'new', name)));
  }

  async move(name: string, to: 'cur' | 'bad'): Promise<void> {
    await unlessGone(() => rename(join(this.#path, 'new', name), join(this.#path, to, name)));
  }
}

/** Null when the file is not there (any more). */
async function unlessGone<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
