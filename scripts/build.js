// Builds dist/: JavaScript and source maps by esbuild, declarations by tsc. Run by `npm ci` (as `prepare`)
// and before publishing. Where the development dependencies are left out there is no tsc, and no need of declarations.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpile } from './transpile.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

await transpile(root);
process.exitCode = emitDeclarations();

/** Returns the exit status of tsc, 0 when it is not installed. */
function emitDeclarations() {
  const compiler = locateCompiler();
  if (compiler === null) return 0;
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  return status ?? 1;
}

function locateCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  } catch {
    return null; // installed with --omit=dev
  }
}
