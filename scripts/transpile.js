// Turns every .ts file of src/ and sim/ into dist/, one file to one file, with source maps.
//
// Atomic a file at a time: each output is written beside its place and renamed over it, and the stamp that declares
// dist/ up to date comes last. Two processes that do this at once write the same bytes; one that is killed half-way
// leaves the old stamp, so that the next start does it again. Types are not checked here (`npm run check` does).

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

const SOURCES = ['src', 'sim'];
const STAMP = join('dist', '.stamp');

/** True when dist/ was made from exactly the sources that are there now. `root` is the folder of package.json. */
export function isFresh(root) {
  try {
    return readFileSync(join(root, STAMP), 'utf8') === fingerprint(root);
  } catch {
    return false; // no stamp: never built
  }
}

/**
 * Brings dist/ up to date with src/ and sim/.
 * @throws the error of esbuild, whose message names file and line, when a source does not parse.
 */
export async function transpile(root) {
  const before = fingerprint(root);
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: SOURCES.flatMap((folder) => sourcesIn(root, folder)),
    outdir: 'dist',
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    write: false,
    logLevel: 'silent',
  });
  for (const file of outputFiles) writeAtomically(file.path, file.contents);
  removeOrphans(root);
  writeAtomically(join(root, STAMP), before);
}

/** What identifies the state of the sources: their names, sizes and times of change. */
function fingerprint(root) {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((folder) => sourcesIn(root, folder))) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest('hex');
}

function sourcesIn(root, folder) {
  return filesIn(join(root, folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => relative(root, file));
}

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Removes what an earlier build made of sources that are gone by now. */
function removeOrphans(root) {
  for (const folder of SOURCES) {
    for (const file of filesIn(join(root, 'dist', folder))) {
      const source = relative(join(root, 'dist'), file).replace(/\.(js|js\.map|d\.ts)$/, '.ts');
      if (source.endsWith('.ts') && !existsSync(join(root, source))) rmSync(file, { force: true });
    }
  }
}

function writeAtomically(file, contents) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, file);
}
