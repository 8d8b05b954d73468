// What SimpleMQ costs: a message to ten consumers, among ten subscriptions and among 100,000; and against eventemitter2, the
// usual library for events with wildcards, on the same 10,000 subscriptions.
//
// Both get the same messages, each with a key and a body of its own that nobody has seen before, and both deliver each to the
// same ten consumers; eventemitter2 does so at once, SimpleMQ a microtask later. Messages are as the data layer hands them
// out, checked and frozen (`sealedJson`), so the queue does not check them again; what it costs when it has to, with keys
// and bodies that anybody made, is the last figure. eventemitter2 never checks, copies or freezes anything.
//
// Making messages is not timed. All take turns, a hundred messages each, so that a busy machine slows all; of several rounds
// the median counts.

import eventEmitter2 from 'eventemitter2';
import { sealedJson, type JsonObject } from '../src/core/json.js';
import type { Filter, RoutingKey } from '../src/core/routing-key.js';
import { SimpleMQ } from '../src/mq/simple-queue.js';
import type { Runtime } from '../src/runtime/runtime.js';
import { elapsedMs, median, type Figure } from './measure.js';

const ROUNDS = 9;
/** Of a round. */
const TURNS = 200;
/** As in life: what was produced is delivered before much more is. */
const BATCH = 100;
const MATCHING = 10;
const MANY = 100_000;
const COMPARED = 10_000;

interface Message {
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

/** Delivers a batch; resolves when all of it has been delivered. */
type Subject = (batch: readonly Message[]) => Promise<void>;

/** The figures for `npm run bench`. */
export async function measureQueue(): Promise<readonly Figure[]> {
  return [...(await measureSize()), ...(await measureAgainstLibrary())];
}

async function measureSize(): Promise<readonly Figure[]> {
  const few = { deliver: await aQueue(subscriptions(MATCHING)), make: plainMessage };
  const many = { deliver: await aQueue(subscriptions(MANY)), make: plainMessage };
  const [fewUs = 0, manyUs = 0] = await costsUs([few, many]);
  return [
    { name: 'a message to 10 consumers of 10', value: fewUs, unit: 'us' },
    { name: 'a message to 10 consumers of 100,000', value: manyUs, unit: 'us' },
    { name: '… of 100,000 / … of 10', value: manyUs / fewUs, unit: 'ratio' },
  ];
}

async function measureAgainstLibrary(): Promise<readonly Figure[]> {
  const filters = subscriptions(COMPARED);
  const own = await aQueue(filters);
  const [ownUs = 0, checkingUs = 0, libraryUs = 0] = await costsUs([
    { deliver: own, make: frozenMessage },
    { deliver: own, make: plainMessage },
    { deliver: anEmitter(filters), make: frozenMessage },
  ]);
  return [
    { name: 'SimpleMQ, 10,000 subscriptions', value: 1e6 / ownUs, unit: 'messages/s' },
    { name: 'eventemitter2, 10,000 subscriptions', value: 1e6 / libraryUs, unit: 'messages/s' },
    { name: 'SimpleMQ / eventemitter2', value: libraryUs / ownUs, unit: 'ratio' },
    { name: '… with messages to be checked and copied', value: libraryUs / checkingUs, unit: 'ratio' },
  ];
}

/** Microseconds that a message costs each subject. */
async function costsUs(
  subjects: readonly { readonly deliver: Subject; readonly make: (id: number) => Message }[],
): Promise<readonly number[]> {
  const rounds: number[][] = subjects.map(() => []);
  let id = 0;
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const sums = subjects.map(() => 0);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [i, { deliver, make }] of subjects.entries()) {
        const batch = Array.from({ length: BATCH }, () => make(++id));
        sums[i] = (sums[i] ?? 0) + (await elapsedMs(() => deliver(batch)));
      }
    }
    if (round > 0) for (const [i, sum] of sums.entries()) rounds[i]?.push((sum * 1_000) / (TURNS * BATCH));
  }
  return rounds.map(median);
}

/** `count` filters as masters have them, of which ten match `keyOf`: whole kinds, single entities, and entities of entities. */
function subscriptions(count: number): readonly Filter[] {
  const filters: Filter[] = [];
  for (let i = 0; i < MATCHING; i++)
    filters.push(i % 2 === 0 ? ['changes', null, 'new'] : [null, null, 'new']);
  for (let i = MATCHING; i < count; i++) {
    const [id, kind] = [String(i), i % 4];
    if (kind === 0) filters.push(['changes', `other-${id}`, 'new']);
    else if (kind === 1) filters.push(['buildsets', id, 'complete']);
    else if (kind === 2) filters.push(['builders', id, 'buildrequests', null, 'new']);
    else filters.push([null, id, 'updated']);
  }
  return filters;
}

/** As whoever produces makes it. */
function plainMessage(id: number): Message {
  return {
    key: ['changes', String(id), 'new'],
    body: { changeid: id, author: 'dustin', branch: 'master', files: ['a', 'b'], when: null },
  };
}

/** As the data layer hands it out. */
function frozenMessage(id: number): Message {
  const { key, body } = plainMessage(id);
  return { key: Object.freeze(key), body: sealedJson(body) };
}

async function aQueue(filters: readonly Filter[]): Promise<Subject> {
  const queue = new SimpleMQ(RUNTIME);
  let heard = 0;
  for (const filter of filters) await queue.startConsuming(() => void heard++, filter);
  return async (batch) => {
    for (const { key, body } of batch) queue.produce(key, body);
    await Promise.resolve();
    heard = expectAll(heard, batch);
  };
}

function anEmitter(filters: readonly Filter[]): Subject {
  const emitter = new eventEmitter2.EventEmitter2({ wildcard: true, delimiter: '/', maxListeners: 0 });
  let heard = 0;
  for (const filter of filters) {
    emitter.on(
      filter.map((word) => word ?? '*'),
      () => void heard++,
    );
  }
  return async (batch) => {
    for (const { key, body } of batch) emitter.emit(key as string[], body);
    heard = expectAll(heard, batch);
  };
}

/** What was heard must be all of it; returns the count to begin the next batch with. */
function expectAll(heard: number, batch: readonly Message[]): number {
  if (heard !== MATCHING * batch.length) throw new Error(`${heard} deliveries of ${batch.length} messages`);
  return 0;
}

const RUNTIME: Runtime = {
  clock: { wallMs: () => 0, monotonicMs: () => 0, setTimer: () => ({ cancel: nothing }) },
  random: { integer: () => 0 },
  logger: { log: nothing },
  probe: { emit: nothing },
};

function nothing(): void {}
