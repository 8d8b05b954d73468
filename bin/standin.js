#!/usr/bin/env node
// The `standin` command. In a checkout it first brings dist/ up to date with the sources (a fraction of a second, and
// nothing when they are unchanged); installed, it just starts what is in dist/. It is written for Node versions that
// are too old for the rest, so that they get a sentence and not a syntax error: nothing is imported before the check.

const MINIMUM = [20, 19];

const version = process.versions.node.split('.').map(Number);
if (version[0] < MINIMUM[0] || (version[0] === MINIMUM[0] && version[1] < MINIMUM[1])) {
  console.error(`standin needs Node ${MINIMUM.join('.')} or newer, this is Node ${process.versions.node}`);
  process.exit(64);
}

const { existsSync } = await import('node:fs');
const transpiler = new URL('../scripts/transpile.js', import.meta.url);
if (existsSync(transpiler) && existsSync(new URL('../sim/cli.ts', import.meta.url))) await refresh();

// Whoever reads the output has gone (`standin … | head`): there is nobody left to tell.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 2 : 70));

const { main } = await import('../dist/sim/cli.js');
process.exitCode = await main(process.argv.slice(2));

async function refresh() {
  const { isFresh, transpile } = await import(transpiler.href);
  const root = (await import('node:url')).fileURLToPath(new URL('..', import.meta.url));
  if (isFresh(root)) return;
  try {
    await transpile(root);
  } catch (error) {
    console.error(
      `standin: the sources do not compile: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exit(64);
  }
}
