// The guard for ambient globals: clocks, timers, randomness, and everything else that would make a run depend on the
// machine that it runs on.
//
// Installed once for the thread, on import, and then always there: while no run is executing every global does what it
// always did. In an event of a process, clocks, timers and randomness are routed to that process and counted (or, under
// `strict`, refused with file and line); what cannot be routed is refused. In an event of the world both are refused,
// except inside `Kernel.host`. Named ESM imports follow, also those made earlier; values saved before this file was
// loaded (`const later = setTimeout`) do not, so load it first.

import { syncBuiltinESMExports } from 'node:module';
import { guardClocks } from './guard/clocks.js';
import { guardConsole } from './guard/console.js';
import { guardDate } from './guard/date.js';
import { guardFormats } from './guard/formats.js';
import { guardMachine } from './guard/machine.js';
import { guardRandomness } from './guard/randomness.js';
import { guardRefused } from './guard/refused.js';
import { guardTicks } from './guard/ticks.js';
import { guardTimerPromises } from './guard/timer-promises.js';
import { guardTimers } from './guard/timers.js';

export type { GuardPolicy } from './guard-policy.js';

let isInstalled = false;

/**
 * Installs the guard; harmless when it is installed. A second copy of this package in the thread puts its own guard on
 * top of this one: each routes the runs of its own kernels and passes the rest through.
 */
export function installGuard(): void {
  if (isInstalled) return;
  isInstalled = true;
  // Output streams are made when first asked for, from parts of `fs` that are refused during a run.
  void [process.stdout, process.stderr];
  guardDate();
  guardFormats();
  guardClocks();
  guardTimers();
  guardTimerPromises();
  guardTicks();
  guardRandomness();
  guardMachine();
  guardConsole();
  guardRefused();
  syncBuiltinESMExports();
}

installGuard();
