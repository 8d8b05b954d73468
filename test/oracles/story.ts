// Hand-written histories: the events of a run in few words, and the judgement of one oracle over them.
//
// Times are seconds here. `judge` gives the sentences in the order in which they came, those of `finish` last.

import type {
  ConsumeHistoryEvent,
  HistoryEvent,
  LifeHistoryEvent,
  ObservedScheduler,
  Oracle,
  OracleContext,
  OracleRun,
  Row,
  RowChange,
} from '../../sim/oracles/history.js';

export const MASTER_A = 1;
export const MASTER_B = 2;
export const FAST = 1;

/** Default timing: heartbeat 10 s, lease 60 s, claim poll 30 s; one scheduler `fast` that wants branch master. */
export const CONTEXT: OracleContext = {
  heartbeatMs: 10_000,
  leaseMs: 60_000,
  claimPollMs: 30_000,
  failoverBoundMs: 95_800,
  releaseBoundMs: 35_300,
  epochMs: 0,
  clockErrorMs: 0,
  masters: ['master-a', 'master-b'],
  schedulers: [scheduler()],
};

export function scheduler(overrides: Partial<ObservedScheduler> = {}): ObservedScheduler {
  return {
    name: 'fast',
    treeStableTimerMs: 0,
    slots: null,
    triggers: { kind: 'none' },
    wants: (change) => change['branch'] === 'master',
    counterKeys: ['builds'],
    ...overrides,
  };
}

export function seconds(s: number): number {
  return Math.round(s * 1_000_000);
}

export function insert(table: string, row: Row): RowChange {
  return { table, op: 'insert', old: null, row };
}

export function update(table: string, old: Row, changed: Row): RowChange {
  return { table, op: 'update', old, row: { ...old, ...changed } };
}

export function remove(table: string, old: Row): RowChange {
  return { table, op: 'delete', old, row: null };
}

/** `commit(12, 'master-a#2', ...)`: the second process of master-a committed these rows at 12 s. */
export function commit(atS: number, process: string, ...rows: RowChange[]): HistoryEvent {
  return { kind: 'commit', atUs: seconds(atS), ...processOf(process), rows };
}

export function life(atS: number, process: string, what: LifeHistoryEvent['what']): HistoryEvent {
  return { kind: 'life', atUs: seconds(atS), ...processOf(process), what, detail: '' };
}

export function health(atS: number, node: string, isHealthy: boolean): HistoryEvent {
  return { kind: 'health', atUs: seconds(atS), node, isHealthy };
}

export function active(atS: number, masters: string[], running: string[] = masters): HistoryEvent {
  return { kind: 'active', atUs: seconds(atS), scheduler: 'fast', masters, running };
}

export function phase(atS: number, name: 'chaos' | 'convergence' | 'end'): HistoryEvent {
  return { kind: 'phase', atUs: seconds(atS), phase: name };
}

export function fault(atS: number, atPhase: 'start' | 'end'): HistoryEvent {
  return { kind: 'fault', atUs: seconds(atS), fault: 'crash', phase: atPhase, target: 'master-a' };
}

export function stateRead(fromS: number, atS: number, key: string, value: string | null): HistoryEvent {
  const at = { fromUs: seconds(fromS), atUs: seconds(atS) };
  return { kind: 'state-read', ...at, node: 'master-b', incarnation: 1, scheduler: 'fast', key, value };
}

/** What becomes of consumer 7, which asks for new changes. */
export function consume(
  atS: number,
  process: string,
  what: ConsumeHistoryEvent['what'],
  consumer = 7,
): HistoryEvent {
  const filter = ['changes', null, 'new'];
  return { kind: 'consume', atUs: seconds(atS), ...processOf(process), consumer, what, filter };
}

/** `produce(12, 'master-a#2', 'changes.17.new', { … })`. */
export function produce(atS: number, process: string, key: string, body: object = {}): HistoryEvent {
  const text = JSON.stringify(body);
  return { kind: 'produce', atUs: seconds(atS), ...processOf(process), key: key.split('.'), body: text };
}

export function deliver(atS: number, process: string, consumer: number, key: string): HistoryEvent {
  return { kind: 'deliver', atUs: seconds(atS), ...processOf(process), consumer, key: key.split('.') };
}

/** Of the queue `q`. */
export function take(atS: number, process: string, messageId: number): HistoryEvent {
  return { kind: 'take', atUs: seconds(atS), ...processOf(process), queue: 'q', messageId };
}

/** The row of an event, as its transaction writes it. */
export function eventRow(id: number, key: string, body: object): Row {
  return { id, routing_key: JSON.stringify(key.split('.')), body: JSON.stringify(body), created_at: 0 };
}

export function masterRow(id: number, incarnation: number, beat = 0, isActive = 1): Row {
  return { id, name: id === MASTER_A ? 'master-a' : 'master-b', incarnation, beat, active: isActive };
}

/** The schedulers row of `fast`, owned by this master incarnation; `null` = never claimed. */
export function fastRow(owner: readonly [number, number] | null, isFree: 0 | 1, enabled: 0 | 1 = 1): Row {
  const [masterid, incarnation] = owner ?? [null, null];
  return {
    id: FAST,
    name: 'fast',
    enabled,
    owner_masterid: masterid,
    owner_incarnation: incarnation,
    is_free: isFree,
  };
}

/** master-a#1 holds incarnation 1 of master 1 from 1 s, master-b#1 that of master 2 from 2 s; fast is registered at 3 s. */
export const REGISTERED: readonly HistoryEvent[] = [
  commit(1, 'master-a#1', insert('masters', masterRow(MASTER_A, 1))),
  commit(2, 'master-b#1', insert('masters', masterRow(MASTER_B, 1))),
  commit(3, 'master-a#1', insert('schedulers', fastRow(null, 1)), insert('objects', { id: 7, name: 'fast' })),
];

/** A renewal of the first incarnation. */
export function renew(atS: number, master: number, beat: number): HistoryEvent {
  const process = master === MASTER_A ? 'master-a#1' : 'master-b#1';
  return commit(atS, process, update('masters', masterRow(master, 1, beat - 1), masterRow(master, 1, beat)));
}

/** `process` claims the free scheduler fast for `owner`. */
export function claim(atS: number, process: string, owner: readonly [number, number]): HistoryEvent {
  return commit(atS, process, update('schedulers', fastRow(null, 1), fastRow(owner, 0)));
}

/** `process` sets fast, owned by `owner`, free. */
export function release(atS: number, process: string, owner: readonly [number, number]): HistoryEvent {
  return commit(atS, process, update('schedulers', fastRow(owner, 0), fastRow(owner, 1)));
}

export interface Judgement {
  readonly sentences: readonly string[];
  readonly subjects: readonly string[];
  readonly run: OracleRun;
}

export function judge(
  oracle: Oracle,
  events: readonly HistoryEvent[],
  finishS: number,
  context: Partial<OracleContext> = {},
): Judgement {
  const run = oracle.start({ ...CONTEXT, ...context });
  const violations = [...events.flatMap((event) => run.observe(event)), ...run.finish(seconds(finishS))];
  for (const { guarantee } of violations)
    if (guarantee !== oracle.name) throw new Error(`${guarantee} is misnamed`);
  return { sentences: violations.map((v) => v.message), subjects: violations.map((v) => v.subject), run };
}

function processOf(name: string): { node: string; incarnation: number } {
  const [node = '', incarnation = '0'] = name.split('#');
  return { node, incarnation: Number(incarnation) };
}
