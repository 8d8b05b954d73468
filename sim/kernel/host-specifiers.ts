// Which imports of a user's module mean this package itself, which a run may load only once.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INDEXES = ['sim', 'src', 'dist/sim', 'dist/src'];

let cachedRoot: string | null = null;

/** 'standin' and everything below it. */
export function isHostSpecifier(specifier: string): boolean {
  return specifier === 'standin' || specifier.startsWith('standin/');
}

/** True when the absolute `path`, with or without an extension, is one of this package's index files. */
export function resolvesToHost(path: string): boolean {
  const stem = realStem(path.replace(/\.(ts|js|mts|mjs)$/, '').replace(/[\\/]index$/, ''));
  return INDEXES.some((index) => stem === join(packageRoot(), index));
}

/** Follows links of the folder, so that a linked checkout is this one. */
function realStem(stem: string): string {
  return existsSync(stem) ? realpathSync(stem) : stem;
}

/** The folder of this package: the next one above this file that has a package.json. */
function packageRoot(): string {
  if (cachedRoot !== null) return cachedRoot;
  let folder = dirname(realpathSync(fileURLToPath(import.meta.url)));
  while (!isPackageFolder(folder)) folder = dirname(folder);
  cachedRoot = folder;
  return folder;
}

function isPackageFolder(folder: string): boolean {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return dirname(folder) === folder;
  return (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'standin';
}
