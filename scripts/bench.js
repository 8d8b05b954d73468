// Runs the benchmarks: `npm run bench`. bench/*.ts is transpiled to dist/bench, beside the dist/src and dist/sim that it
// measures; its entrance is bench/bench.ts, which exports main(args) and returns the exit code.

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { isFresh, transpile } from './transpile.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (!isFresh(root)) await transpile(root);
await build({
  absWorkingDir: root,
  entryPoints: ['bench/*.ts'],
  outdir: 'dist',
  outbase: '.',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
});
const { main } = await import('../dist/bench/bench.js');
process.exitCode = await main(process.argv.slice(2));
