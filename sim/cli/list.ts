// `standin list`: the scenarios that come with the package, and with --faults what may strike in one of the user's own.

import { Command } from 'commander';
import { findScenario, loadScenario, packagedScenarios } from '../explore/scenario-lookup.js';
import { FAULTS } from '../nemesis/index.js';
import { EXIT } from './exit-code.js';

/** The command; `onExit` is told the exit code. */
export function listCommand(onExit: (code: number) => void): Command {
  return new Command('list')
    .description('list the scenarios')
    .option('--faults', 'list the kinds of faults instead')
    .option('--verbose', 'show the stack of an error')
    .action(async (flags: { readonly faults?: boolean }) => {
      const entries =
        flags.faults === true
          ? FAULTS.map(({ kind, description }) => [kind, description])
          : await scenarios();
      process.stdout.write(columns(entries));
      onExit(EXIT.pass);
    });
}

async function scenarios(): Promise<string[][]> {
  const entries: string[][] = [];
  for (const name of packagedScenarios()) {
    const { scenario } = await loadScenario(findScenario(name));
    entries.push([name, scenario.description]);
  }
  return entries;
}

function columns(entries: readonly (readonly string[])[]): string {
  const width = Math.max(0, ...entries.map(([name = '']) => name.length));
  return entries.map(([name = '', text = '']) => `${name.padEnd(width)}  ${text}\n`).join('');
}
