// How somebody outside gets something done: he asks one master, and the next one when that cannot do it or does not answer,
// until one has done it.

import type { Kernel } from '../kernel/kernel.js';

export const PATIENCE_US = 20_000_000;
export const PAUSE_US = 1_000_000;

export interface Insistence {
  readonly kernel: Kernel;
  readonly masters: readonly string[];
  /** Asks one master; calls `settle` with whether that has done it. False when it cannot be asked. */
  ask(master: string, settle: (isDone: boolean) => void): boolean;
  onDone(): void;
}

/** `attempt` is the index of the master that is asked first. */
export function insist(insistence: Insistence, attempt: number): void {
  const { kernel, masters, onDone } = insistence;
  let isSettled = false;
  const settle = (isDone: boolean): void => {
    if (isSettled) return;
    isSettled = true;
    patience.cancel();
    if (isDone) onDone();
    else kernel.at(kernel.nowUs + PAUSE_US, () => insist(insistence, attempt + 1));
  };
  const patience = kernel.at(kernel.nowUs + PATIENCE_US, () => settle(false));
  if (!insistence.ask(masters[attempt % masters.length] ?? '', settle)) settle(false);
}
