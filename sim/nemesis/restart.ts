// The undo of faults that took a master down: it is started again, once its process has ended.

import type { FaultSurface } from './fault.js';

const RETRY_US = 1_000_000;

/**
 * Starts the process after `incarnation` of this master: now if that process has ended, else (a clean stop takes its
 * time) within a second of its end. Does nothing when somebody else has started it in the meantime.
 */
export function startAfter(surface: FaultSurface, master: string, incarnation: number): void {
  const { kernel } = surface;
  const node = kernel.node(master);
  if (node.incarnation !== incarnation) return;
  if (node.state === 'down') surface.startMaster(master);
  else kernel.at(kernel.nowUs + RETRY_US, () => startAfter(surface, master, incarnation));
}
