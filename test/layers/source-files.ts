// Which files a check must read: the sources of one folder, and a folder of made-up sources for proofs that a check
// goes red.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this repository, without a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** All .ts files below `folder` (relative to `root`), as sorted paths relative to `root`; [] when there is no folder. */
export function sourceFiles(folder: string, root = ROOT): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name))
      .toSorted((a, b) => (a < b ? -1 : 1));
  } catch {
    return []; // no such folder (yet)
  }
}

/** Writes `files` (path -> text) into a new folder, calls `use` with it and removes it. */
export async function withSources<T>(
  files: Readonly<Record<string, string>>,
  use: (root: string) => T | Promise<T>,
): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), 'standin-sources-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return await use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
