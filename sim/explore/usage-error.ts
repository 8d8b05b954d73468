// What a user did wrong on the command line, in a scenario file or in a plan file. Its message is all that is shown:
// one line that names the thing, what was expected and what was got. The process ends with exit code 64.

import { StandinError } from '../../src/core/errors.js';

/** Wrong usage; never retryable. */
export class UsageError extends StandinError {
  constructor(message: string) {
    super('usage', message);
  }
}
