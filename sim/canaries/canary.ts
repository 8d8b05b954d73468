// What a canary is: a control plane with one realistic defect, made by putting one other part (or scheduler) in place of
// the sound one. It runs well while nothing goes wrong; the harness has to find it all the same.

import type { MasterParts } from '../../src/master/parts.js';
import type { Scenario } from '../scenario.js';

export interface Canary {
  readonly name: string;
  /** One sentence: what is wrong with it, and which real defect it stands for. */
  readonly defect: string;
  /** The oracle that is meant to find it. */
  readonly oracle: string;
  /** What it runs in; it passes without faults. */
  readonly scenario: Scenario;
  readonly parts: Partial<MasterParts>;
  /** The module of the scenario, when it must be evaluated anew for each start of a master, as a user's is. */
  readonly module?: URL;
}
