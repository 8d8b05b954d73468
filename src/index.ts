// The control plane, as its users import it.

export { ConfigError, StandinError } from './core/errors.js';
export type { JsonObject, JsonValue } from './core/json.js';
export { sleep, type Clock, type Timer } from './runtime/clock.js';
export { CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS } from './core/results.js';
export type { Filter, RoutingKey } from './core/routing-key.js';
export type { Change, NewChange } from './db/changes.js';
export type { SourceStamp } from './db/sourcestamps.js';
export { migrate, SchemaVersionError, type MigrateFrom } from './db/migrate.js';
export { openDatabase, type RealDriver } from './db/open-database.js';
export { PostgresDriver, type PostgresOptions } from './db/postgres/driver.js';
export { ClaimLostError } from './db/claims.js';
export { FileDriver } from './db/sqlite/file-driver.js';
export { SchedulerDisabledError } from './db/schedulers.js';
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
export type { MQConnector } from './data/mq-connector.js';
export type { Delivery, DurableCallback, MessageCallback, QueueReference } from './mq/message-queue.js';
export type { MqOptions } from './mq/mq-options.js';
export { SimpleMQ } from './mq/simple-queue.js';
export { NodeWebSocket } from './mq/websocket/client.js';
export { BackOffLoopingCall, type BackOffOptions } from './periodic/back-off-call.js';
export { driverPeriodicTask } from './periodic/driver-periodic-task.js';
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
export { AnyBranchScheduler, type AnyBranchOptions } from './schedulers/any-branch.js';
export { BaseScheduler, type ConsumeOptions, type SchedulerOptions } from './schedulers/base.js';
export { BasicScheduler, type BasicSchedulerOptions } from './schedulers/basic.js';
export type { AddBuildsetOptions, AddedBuildset, Priority } from './schedulers/buildset-builder.js';
export { ChangeFilter, type ChangeFilterOptions } from './schedulers/change-filter.js';
export type { CodebaseDefaults, Codebases } from './schedulers/codebases.js';
export type { BuilderNames, BuildsetContents, Renderable } from './schedulers/render.js';
export { Dependent, type DependentOptions } from './schedulers/dependent.js';
export {
  CollectedValidationError,
  ForceScheduler,
  type ForceCall,
  type ForceOptions,
} from './schedulers/force.js';
export {
  AnyPropertyParameter,
  BaseParameter,
  BooleanParameter,
  ChoiceStringParameter,
  CodebaseParameter,
  FileParameter,
  FixedParameter,
  IntParameter,
  NestedParameter,
  PatchParameter,
  StringParameter,
  TextParameter,
  UserNameParameter,
  type Answers,
  type ParameterOptions,
} from './schedulers/force-parameters.js';
export type { JobDirectory, OpenJobDirectory } from './runtime/job-directory.js';
export { Try_Jobdir, type TryJobdirOptions } from './schedulers/try-jobdir.js';
export { NightlyTriggerable } from './schedulers/nightly-triggerable.js';
export {
  Triggerable,
  type TriggerableOptions,
  type TriggerCall,
  type Triggered,
} from './schedulers/triggerable.js';
export { Nightly, type CronField, type NightlyOptions } from './schedulers/nightly.js';
export { Periodic, type PeriodicOptions } from './schedulers/periodic.js';
export { TimedScheduler, type MissedSlots, type TimedOptions } from './schedulers/timed.js';
export { SingleBranchScheduler, type SingleBranchOptions } from './schedulers/single-branch.js';
