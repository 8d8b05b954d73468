// `standin new scheduler <name>`: writes a scheduler to begin with, a scenario that runs it, and a test of both. All of them
// work as they are; docs/writing-a-scheduler.md goes on from there.

import { existsSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { UsageError } from '../explore/usage-error.js';
import { EXIT } from './exit-code.js';

/** The command; `onExit` is told the exit code. */
export function newCommand(onExit: (code: number) => void): Command {
  const command = new Command('new').description('write something to begin with');
  command
    .command('scheduler')
    .description('write a scheduler, a scenario and a test into the current folder')
    .argument('<name>', 'in kebab-case, like release-train')
    .option('--verbose', 'show the stack of an error')
    .action((name: string) => {
      const files = filesOf(name);
      for (const file of Object.keys(files)) {
        if (existsSync(file)) throw new UsageError(`${file} is there already: nothing was written`);
      }
      for (const [file, text] of Object.entries(files)) writeFileSync(file, text);
      process.stdout.write(`written: ${Object.keys(files).join(', ')}\n`);
      process.stdout.write(`next: npx standin run ./${name}.scenario.ts --seeds 100\n`);
      onExit(EXIT.pass);
    });
  return command;
}

function filesOf(name: string): Readonly<Record<string, string>> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new UsageError(`'${name}' is no name for a scheduler: expected kebab-case, like release-train`);
  }
  const type = name.replaceAll(/(?:^|-)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
  return {
    [`${name}.ts`]: schedulerSource(name, type),
    [`${name}.scenario.ts`]: scenarioSource(name, type),
    [`${name}.test.ts`]: testSource(name),
  };
}

function schedulerSource(name: string, type: string): string {
  return `// ${name}: builds every so many changes. Make it yours: what is built when is decided in gotChange.

import { BaseScheduler, type Change, type SchedulerOptions } from 'standin';

export interface ${type}Options extends SchedulerOptions {
  /** How many changes make a build. */
  readonly every: number;
}

export class ${type} extends BaseScheduler {
  // A reconfiguration replaces a scheduler if one of these, or an option that is passed to super(), has changed.
  static override readonly compareAttrs = ['every'];
  readonly every: number;

  constructor(name: string, builderNames: readonly string[], options: ${type}Options) {
    super(name, builderNames, options);
    this.every = options.every;
  }

  // Runs on the one master on which the scheduler is active; what it begins ends in stopActivity.
  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges();
  }

  // All that one call writes is committed at once, or not at all: then the change comes again.
  override async gotChange(change: Change): Promise<void> {
    const seen = (await this.getState('seen', 0)) + 1;
    await this.setState('seen', seen);
    if (seen % this.every === 0) {
      await this.addBuildsetForChanges({ changeids: [change.changeid], reason: \`change \${seen}\` });
    }
  }
}
`;
}

function scenarioSource(name: string, type: string): string {
  return `// ${name} on three masters that crash, hang longer than their lease, and lose messages.

import { defineScenario } from 'standin';
import { ${type} } from './${name}.js';

export default defineScenario({
  name: '${name}',
  description: '${type} on masters that crash, hang and lose messages.',
  durationS: 450,
  schedulers: () => [new ${type}('${name}', ['linux'], { every: 3 })],
  // Of each of these state keys no step may be lost or done twice, whoever was active.
  counters: { '${name}': ['seen'] },
  // How often each strikes, in times per hour; 'standin list --faults' has them all.
  faults: { crash: 16, pause: 16, stop: 8, 'message-drop': 8 },
  // Date.now and its like are refused: this.clock has the time of the master.
  ambient: 'strict',
});
`;
}

function testSource(name: string): string {
  return `import { fileURLToPath } from 'node:url';
import { loadScenario, planForSeed, simulate } from 'standin';
import { expect, test } from 'vitest';

const FILE = fileURLToPath(new URL('./${name}.scenario.ts', import.meta.url));

test('${name} keeps every promise under twenty seeds', async () => {
  const { scenario, options } = await loadScenario(FILE);
  for (let seed = 1; seed <= 20; seed++) {
    const { verdict, violations } = await simulate(scenario, planForSeed(scenario, String(seed)), options);
    expect({ seed, verdict, violations }).toEqual({ seed, verdict: 'pass', violations: [] });
  }
});
`;
}
