// `standin debug …`: tools for those who examine the parts themselves. Each reads JSON and writes JSON.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { decodeJson, type JsonValue } from '../../src/core/json.js';
import { UsageError } from '../explore/usage-error.js';
import { EXIT } from './exit-code.js';
import { readCase } from './periodic-case.js';
import { runCase } from './periodic-oracle.js';

/** The command; `onExit` is told the exit code. */
export function debugCommand(onExit: (code: number) => void): Command {
  return new Command('debug')
    .description('examine a part by itself (see docs/periodic-oracle.md)')
    .addHelpText('after', '\nFor example: standin debug periodic-oracle --compat cases.json')
    .addCommand(periodicOracleCommand(onExit).exitOverride());
}

function periodicOracleCommand(onExit: (code: number) => void): Command {
  return new Command('periodic-oracle')
    .description('run periodic tasks by a case in JSON, and write what each pass did, one line a pass')
    .argument('[case.json]', 'a case, or an array of cases (default: standard input)')
    .option('--compat', 'do as the reference implementation does, without the documented differences')
    .option('--verbose', 'show the stack of an error')
    .action(async (file: string | undefined, flags: { readonly compat?: boolean }) => {
      const input = readInput(file ?? '-');
      const semantics = flags.compat === true ? 'compat' : 'own';
      if (Array.isArray(input)) {
        for (const [index, value] of input.entries()) {
          writeLine(await runCase(readCase(value, `case ${index}`), semantics));
        }
      } else {
        for (const record of await runCase(readCase(input, 'the case'), semantics)) writeLine(record);
      }
      onExit(EXIT.pass);
    });
}

function writeLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function readInput(file: string): JsonValue {
  return decodeJson(readText(file), file === '-' ? 'standard input' : file);
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch {
    throw new UsageError(`${file} cannot be read: expected a JSON file, or - for standard input`);
  }
}
