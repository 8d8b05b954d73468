// What users import: scenarios, runs, arbitraries for property tests, oracles, and the control plane to write schedulers
// with.
//
//   const result = await simulate(failover, planForSeed(failover, '42'));
//   fc.assert(fc.asyncProperty(plans(failover), async (plan) => (await simulate(failover, plan)).verdict === 'pass'));

export * from '../src/index.js';
export { planForSeed, plans, type Plan } from './explore/plan.js';
export { simulate, type RunResult, type SimulateOptions } from './explore/simulate.js';
export { loadScenario } from './explore/scenario-lookup.js';
export type { PlannedFault } from './nemesis/fault.js';
export { FAULTS } from './nemesis/index.js';
export type {
  HistoryEvent,
  Oracle,
  OracleContext,
  OracleRun,
  RowChange,
  Violation,
} from './oracles/history.js';
export { ORACLES } from './oracles/index.js';
export { defineScenario, type Scenario, type ScenarioOptions } from './scenario.js';
