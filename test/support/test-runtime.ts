// The ports of a process under test: a clock by hand, no randomness, and a record of what was logged and probed.

import type { JsonObject } from '../../src/core/json.js';
import type { Logger, Probe, Random, Runtime } from '../../src/runtime/runtime.js';
import { ManualClock } from './manual-clock.js';

export class TestRuntime implements Runtime {
  readonly clock: ManualClock;
  /** `level: message` each. */
  readonly logs: string[] = [];
  readonly probes: { readonly event: string; readonly detail: JsonObject }[] = [];
  readonly random: Random = { integer: () => 0 };
  readonly logger: Logger = { log: (level, message) => void this.logs.push(`${level}: ${message}`) };
  readonly probe: Probe = { emit: (event, detail) => void this.probes.push({ event, detail }) };

  constructor(clock = new ManualClock()) {
    this.clock = clock;
  }

  /** What was logged at level warning or above. */
  get complaints(): readonly string[] {
    return this.logs.filter((line) => line.startsWith('warning: ') || line.startsWith('error: '));
  }
}
