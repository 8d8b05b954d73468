// What only a mistake in the code of a scheduler or service can cause is logged by whoever caught it, as any error is, and
// told to observers besides: the control plane goes on, and an error that comes again and again would be easily overlooked.

import { describeError, isMistake } from '../core/errors.js';
import type { Runtime } from './runtime.js';

/** Emits the probe event `mistake`, with where it was made, unless what happens in operation can cause the error. */
export function tellMistake({ probe }: Runtime, what: string, error: unknown): void {
  if (!isMistake(error)) return;
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  probe.emit('mistake', { text: `${what} met ${describeError(error)}`, stack });
}
