// The ports of a real process: the one place where the control plane meets ambient time, randomness and output.

import type { Logger, LogLevel, Probe, Random, Runtime } from '../runtime.js';
import { NodeClock } from './clock.js';

export interface NodeRuntimeOptions {
  /** What is less grave is not written. Default info. */
  readonly logLevel?: LogLevel;
  /** Takes the lines of the log. Default standard error. */
  readonly write?: (line: string) => void;
}

/** From the least grave on. */
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];

export class NodeRuntime implements Runtime {
  readonly clock = new NodeClock();
  readonly random: Random = { integer: (bound) => Math.floor(Math.random() * bound) };
  /** Lines of instant (UTC), level and message; a message of several lines is indented. */
  readonly logger: Logger;
  /** Nobody observes a real process from outside; where a mistake was made goes into the log. */
  readonly probe: Probe = {
    emit: (event, { stack }) => {
      if (event === 'mistake' && typeof stack === 'string')
        this.logger.log('error', `the mistake was made here: ${stack}`);
    },
  };

  constructor(options: NodeRuntimeOptions = {}) {
    const { logLevel = 'info', write = (line) => void process.stderr.write(line) } = options;
    const least = LOG_LEVELS.indexOf(logLevel);
    this.logger = {
      log: (level, message) => {
        if (LOG_LEVELS.indexOf(level) < least) return;
        const instant = new Date(this.clock.wallMs()).toISOString();
        write(`${instant} ${level.padEnd(7)} ${message.replaceAll('\n', '\n  ')}\n`);
      },
    };
  }
}
