// The control plane, as its users import it.

export { ConfigError, StandinError } from './core/errors.js';
export type { JsonObject, JsonValue } from './core/json.js';
export { CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS } from './core/results.js';
export type { Filter, RoutingKey } from './core/routing-key.js';
export type { Change, NewChange } from './db/changes.js';
export type { SourceStamp } from './db/sourcestamps.js';
export { migrate, SchemaVersionError, type MigrateFrom } from './db/migrate.js';
export { openDatabase, type RealDriver } from './db/open-database.js';
export { PostgresDriver, type PostgresOptions } from './db/postgres/driver.js';
export { ClaimLostError } from './db/claims.js';
export { FileDriver } from './db/sqlite/file-driver.js';
export { MemoryDriver } from './db/sqlite/memory-driver.js';
export { upgradeMaster } from './db/upgrade-master.js';
export { BuildDriver } from './drivers/build-driver.js';
export type { BuildDriverOptions } from './drivers/build-driver-options.js';
export { ChangeSource, type ChangeSourceOptions } from './drivers/change-source.js';
export { CommandExecutor, type CommandExecutorOptions } from './drivers/command-executor.js';
export type { Driver, DriverContext, DriverManager, DriverPorts } from './drivers/driver-host.js';
export type { BuildOrder, Executor, ExecutorPorts, ExecutorStatus } from './drivers/executor.js';
export { GitPoller, type GitPollerOptions } from './drivers/git-poller.js';
export { BuildMaster, type MasterPorts } from './master/build-master.js';
export type { MasterOptions } from './master/config.js';
export { SimpleMQ } from './mq/simple-queue.js';
export { BackOffLoopingCall, type BackOffOptions } from './periodic/back-off-call.js';
export { driverPeriodicTask, type DriverPeriodicTaskOptions } from './periodic/driver-periodic-task.js';
export { DynamicLoopingCall, type DynamicOptions } from './periodic/dynamic-call.js';
export {
  FixedIntervalLoopingCall,
  FixedIntervalWithTimeOutLoopingCall,
  type FixedIntervalOptions,
} from './periodic/fixed-interval-call.js';
export { LoopingCallDone, LoopingCallTimeOutError } from './periodic/looping-call.js';
export { periodicTask } from './periodic/periodic-task.js';
export { PeriodicTasks, type PassOptions, type PeriodicTasksOptions } from './periodic/periodic-tasks.js';
export { retrying, type RetryOptions } from './periodic/retry.js';
export { startPeriodicTasks, type Runner, type RunnerOptions } from './periodic/run-periodic-tasks.js';
export type { PeriodicTaskOptions } from './periodic/task-definition.js';
export { BaseScheduler, type ConsumeOptions, type SchedulerOptions } from './schedulers/base.js';
export { BasicScheduler, type BasicSchedulerOptions } from './schedulers/basic.js';
export type { AddBuildsetOptions, AddedBuildset } from './schedulers/buildset-builder.js';
export { ChangeFilter, type ChangeFilterOptions } from './schedulers/change-filter.js';
export { SingleBranchScheduler, type SingleBranchOptions } from './schedulers/single-branch.js';
