// A user's scheduler that keeps a counter in a variable of its module: gone with the process. The scenario is a file of
// its own, since only what is evaluated anew for each start can forget.

import type { Canary } from './canary.js';
import scenario from './module-counter.scenario.js';

export const moduleCounter: Canary = {
  name: 'module-counter',
  defect: "a user's scheduler counts in a module variable, which a fail-over resets",
  oracle: 'state-recovered',
  scenario,
  parts: {},
  module: new URL('./module-counter.scenario.js', import.meta.url),
};
