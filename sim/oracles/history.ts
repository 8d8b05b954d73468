// The history: what oracles see of a run, and the shape that every oracle has.
//
// Events come in the order in which they happened, `atUs` (true time in microseconds) never decreases. A commit
// shows each row that it changed once: as last committed, and as committed now. Nothing here refers to the control plane: an oracle knows
// tables and columns, what was configured, and what the harness observed from outside.

/** A row of the database as the history shows it. */
export type Row = Readonly<Record<string, string | number | null>>;

/** One row that a transaction changed. */
export interface RowChange {
  readonly table: string;
  readonly op: 'insert' | 'update' | 'delete';
  /** As last committed; null for an insert. */
  readonly old: Row | null;
  /** As committed now; null for a delete. */
  readonly row: Row | null;
}

/** A start of a master's process: the node and how often it has been started (1, 2, ...). */
export interface ProcessId {
  readonly node: string;
  readonly incarnation: number;
}

/** What happens to a master's process; `ready` = its start is complete, `stop` = its clean stop has begun. */
export interface LifeHistoryEvent extends ProcessId {
  readonly kind: 'life';
  readonly atUs: number;
  readonly what: 'start' | 'ready' | 'crash' | 'exit' | 'stop' | 'pause' | 'resume' | 'clock';
  readonly detail: string;
}

/** Whether a master runs (not paused) with links to database and broker in order, and both of those healthy. */
export interface HealthHistoryEvent {
  readonly kind: 'health';
  readonly atUs: number;
  readonly node: string;
  readonly isHealthy: boolean;
}

/** A transaction of this process was committed. */
export interface CommitHistoryEvent extends ProcessId {
  readonly kind: 'commit';
  readonly atUs: number;
  readonly rows: readonly RowChange[];
}

/** Every live or paused node was asked whether `scheduler` is active on it; `running` are those of `masters` not paused. */
export interface ActiveHistoryEvent {
  readonly kind: 'active';
  readonly atUs: number;
  readonly scheduler: string;
  readonly masters: readonly string[];
  readonly running: readonly string[];
}

/** A read of scheduler state, begun at `fromUs` and answered at `atUs`: JSON text, or null when the key was absent. */
export interface StateReadHistoryEvent extends ProcessId {
  readonly kind: 'state-read';
  readonly atUs: number;
  readonly fromUs: number;
  readonly scheduler: string;
  readonly key: string;
  readonly value: string | null;
}

/**
 * A run of a periodic task began, was left out because the last one is under way, or ended; or nobody runs the task any
 * more. A task is known by process, manager and name; tasks of one manager may wait for each other.
 */
export interface TaskHistoryEvent extends ProcessId {
  readonly kind: 'task';
  readonly atUs: number;
  readonly what: 'added' | 'started' | 'skipped' | 'ended' | 'retired';
  readonly manager: string;
  readonly task: string;
  /** The monotonic clock of the process at that instant, as the simulator knows it. */
  readonly monotonicMs: number;
  /** Of `added`: how it is to run. */
  readonly rule: TaskRule | null;
  /** Of `started`: somebody has asked for it. Of `ended`: by an error. */
  readonly flag: boolean;
}

/** When a task is to run, in milliseconds of the monotonic clock. */
export interface TaskRule {
  readonly spacingMs: number;
  /** From the start of a run that failed to the next, at the least. */
  readonly retryMs: number;
  /** The first run is due at once. */
  readonly immediate: boolean;
  /** A spacing above 20 s is up to 5 % longer. */
  readonly jitter: boolean;
  /** The other tasks of its manager do not wait for it. */
  readonly parallel: boolean;
}

/**
 * A consumer of the message queue: `asked` = startConsuming was called, `started` = it resolved, `stopping` =
 * stopConsuming was called, `stopped` = it resolved. `consumer` is unique in the run.
 */
export interface ConsumeHistoryEvent extends ProcessId {
  readonly kind: 'consume';
  readonly atUs: number;
  readonly consumer: number;
  readonly what: 'asked' | 'started' | 'stopping' | 'stopped';
  readonly filter: readonly (string | null)[];
}

/** A process handed a message to the message queue; `body` is JSON text. */
export interface ProduceHistoryEvent extends ProcessId {
  readonly kind: 'produce';
  readonly atUs: number;
  readonly key: readonly string[];
  readonly body: string;
}

/** A consumer was called with a message. */
export interface DeliverHistoryEvent extends ProcessId {
  readonly kind: 'deliver';
  readonly atUs: number;
  readonly consumer: number;
  readonly key: readonly string[];
}

/** The queue of a process told its consumers that messages may have been missed. */
export interface ReconnectHistoryEvent extends ProcessId {
  readonly kind: 'reconnect';
  readonly atUs: number;
}

/** A fault at the router kept a message from a node, or made it late. */
export interface LostHistoryEvent {
  readonly kind: 'lost';
  readonly atUs: number;
  readonly node: string;
  readonly key: readonly string[];
}

/** The consumer of a durable queue is given a message of it, by its row's id. */
export interface TakeHistoryEvent extends ProcessId {
  readonly kind: 'take';
  readonly atUs: number;
  readonly queue: string;
  readonly messageId: number;
}

/** Somebody begins to watch the masters from outside: before the first commit, if at all. */
export interface WatchHistoryEvent {
  readonly kind: 'watch';
  readonly atUs: number;
}

/** The live view of the watcher has a new state: the body of a message about `word` (masters, schedulers …). */
export interface ViewHistoryEvent {
  readonly kind: 'view';
  readonly atUs: number;
  readonly word: string;
  readonly state: Readonly<Record<string, unknown>>;
}

/** The watcher was given the list of build requests: the greatest id on it (0 = none), and how many there are. */
export interface ListHistoryEvent {
  readonly kind: 'list';
  readonly atUs: number;
  readonly latestId: number;
  readonly total: number;
}

/**
 * Somebody outside calls a scheduler: `accepted` = a master said that this is done, `waits` = and he asked it for the
 * results, `answered` = and got them. `key` is the trigger key of the buildset, for a call that is built in the next slot
 * the id of the call.
 */
export interface CallHistoryEvent {
  readonly kind: 'call';
  readonly atUs: number;
  readonly scheduler: string;
  readonly key: string;
  readonly what: 'accepted' | 'waits' | 'answered';
}

/** A job file was put into a directory. */
export interface JobHistoryEvent {
  readonly kind: 'job';
  readonly atUs: number;
  readonly jobdir: string;
  readonly name: string;
}

/** A fault struck or was undone. */
export interface FaultHistoryEvent {
  readonly kind: 'fault';
  readonly atUs: number;
  readonly fault: string;
  readonly phase: 'start' | 'end';
  readonly target: string;
}

/** An error that no code of the process caught. */
export interface UncaughtHistoryEvent {
  readonly kind: 'uncaught';
  readonly atUs: number;
  readonly node: string;
  readonly detail: string;
}

/** A phase of the run begins; from `convergence` on every fault is undone. */
export interface PhaseHistoryEvent {
  readonly kind: 'phase';
  readonly atUs: number;
  readonly phase: 'chaos' | 'convergence' | 'end';
}

export type HistoryEvent =
  | LifeHistoryEvent
  | HealthHistoryEvent
  | CommitHistoryEvent
  | ActiveHistoryEvent
  | StateReadHistoryEvent
  | TaskHistoryEvent
  | ConsumeHistoryEvent
  | ProduceHistoryEvent
  | DeliverHistoryEvent
  | ReconnectHistoryEvent
  | LostHistoryEvent
  | TakeHistoryEvent
  | WatchHistoryEvent
  | ViewHistoryEvent
  | ListHistoryEvent
  | CallHistoryEvent
  | JobHistoryEvent
  | FaultHistoryEvent
  | UncaughtHistoryEvent
  | PhaseHistoryEvent;

/** A scheduler as configured. */
export interface ObservedScheduler {
  readonly name: string;
  /** 0 without a tree-stable timer. */
  readonly treeStableTimerMs: number;
  /** Whether this row of `changes` is an important change of this scheduler; null when that cannot be told. */
  wants(change: Row): boolean | null;
  /** When it builds by the clock; null when it does not. */
  readonly slots: ObservedSlots | null;
  /** What it builds for besides changes and slots. */
  readonly triggers: ObservedTriggers;
  /** Keys of its state that only ever grow, by one a commit, from 1. */
  readonly counterKeys: readonly string[];
}

/** What has a scheduler build, as configured. */
export type ObservedTriggers =
  | { readonly kind: 'none' }
  /** Each buildset of that scheduler that ends well. */
  | { readonly kind: 'upstream'; readonly upstream: string }
  /** Each job file in that directory. */
  | { readonly kind: 'jobs'; readonly jobdir: string }
  /** A call is built in the next slot, and a slot is built only after a call. */
  | { readonly kind: 'calls-by-slot' };

/** The slots of a scheduler that builds by the clock, as configured. */
export type ObservedSlots = (
  | { readonly kind: 'period'; readonly periodMs: number }
  | {
      readonly kind: 'calendar';
      /** minute, hour, day of month, month, day of week (0 = Sunday). */
      readonly line: string;
      readonly timeZone: string;
      readonly missingHour: 'after' | 'skip';
      readonly repeatedHour: 'first' | 'both';
    }
) & {
  /** Every slot leads to a buildset, whatever else happens. */
  readonly isUnconditional: boolean;
};

/** What was configured, resolved. */
export interface OracleContext {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly claimPollMs: number;
  /** Within which a healthy master has made an enabled scheduler active. */
  readonly failoverBoundMs: number;
  /** Within which a scheduler that was released is claimed again. */
  readonly releaseBoundMs: number;
  /** What a right wall clock shows at the beginning of the run, in ms since the epoch. */
  readonly epochMs: number;
  /** How wrong a wall clock may be, in ms; null = nobody knows. */
  readonly clockErrorMs: number | null;
  readonly masters: readonly string[];
  readonly schedulers: readonly ObservedScheduler[];
}

/** A guarantee that was broken. */
export interface Violation {
  readonly guarantee: string;
  readonly atUs: number;
  /** One sentence with names and virtual times. */
  readonly message: string;
  /** What it is about, the same in a smaller plan that fails in the same way: the scheduler, or scheduler and key. */
  readonly subject: string;
}

/** Faults that strike, schedulers that build by the clock, that are disabled, state that counts, changes or calls. */
export type OracleNeed = 'faults' | 'slots' | 'disabling' | 'state' | 'work';

/** Judges one guarantee; `start` begins the fold over one history. */
export interface Oracle {
  readonly name: string;
  /** What a scenario must have for it to have anything to judge; default nothing beyond masters and schedulers. */
  readonly needs?: OracleNeed;
  start(context: OracleContext): OracleRun;
}

/** A fold over one history, in memory bounded by what is still open. */
export interface OracleRun {
  /** Returns what this event proves to be broken, mostly nothing. */
  observe(event: HistoryEvent): readonly Violation[];
  /** The run ended at `atUs`; returns what had to happen by now and did not. */
  finish(atUs: number): readonly Violation[];
  /** How often there was something to judge; 0 = this run says nothing about the guarantee. */
  readonly checks: number;
  /** What was still open at the end and not yet due. */
  readonly pending?: readonly string[];
  /** Measurements, by name with unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** The answer of an oracle to an event that breaks nothing. */
export const NO_VIOLATIONS: readonly Violation[] = [];
