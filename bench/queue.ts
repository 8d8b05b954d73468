// What SimpleMQ costs: a message to ten consumers, among ten subscriptions and among 100,000; and against eventemitter2, the
// usual library for events with wildcards, on the same 10,000 subscriptions. Both take turns, so that a busy machine slows
// both; of several rounds the median counts.

import eventEmitter2 from 'eventemitter2';
import { frozenJson, type JsonObject } from '../src/core/json.js';
import type { Filter, RoutingKey } from '../src/core/routing-key.js';
import { SimpleMQ } from '../src/mq/simple-queue.js';
import type { Runtime } from '../src/runtime/runtime.js';
import { elapsedMs, median, type Figure } from './measure.js';

const MESSAGES = 20_000;
const ROUNDS = 9;
const MATCHING = 10;
const MANY = 100_000;
const COMPARED = 10_000;

const BODY: JsonObject = { changeid: 12, author: 'dustin', branch: 'master', files: ['a', 'b'], when: null };
/** As the data layer hands events out: frozen, so that the queue need not copy them. */
const FROZEN_BODY = frozenJson(BODY) as JsonObject;

/** The figures for `npm run bench`. */
export async function measureQueue(): Promise<readonly Figure[]> {
  return [...(await measureSize()), ...(await measureAgainstLibrary())];
}

async function measureSize(): Promise<readonly Figure[]> {
  const [few, many] = [await aQueue(subscriptions(MATCHING)), await aQueue(subscriptions(MANY))];
  const [fewMs, manyMs]: [number[], number[]] = [[], []];
  await produce(few, BODY);
  await produce(many, BODY);
  for (let round = 0; round < ROUNDS; round++) {
    fewMs.push(await elapsedMs(() => produce(few, BODY)));
    manyMs.push(await elapsedMs(() => produce(many, BODY)));
  }
  const cost = (times: readonly number[]): number => (median(times) * 1_000) / MESSAGES;
  return [
    { name: 'a message to 10 consumers of 10', value: cost(fewMs), unit: 'us' },
    { name: 'a message to 10 consumers of 100,000', value: cost(manyMs), unit: 'us' },
    { name: '… of 100,000 / … of 10', value: cost(manyMs) / cost(fewMs), unit: 'ratio' },
  ];
}

async function measureAgainstLibrary(): Promise<readonly Figure[]> {
  const filters = subscriptions(COMPARED);
  const [own, library] = [await aQueue(filters), anEmitter(filters)];
  const [ownMs, copyingMs, libraryMs]: [number[], number[], number[]] = [[], [], []];
  await produce(own);
  await emit(library);
  for (let round = 0; round < ROUNDS; round++) {
    ownMs.push(await elapsedMs(() => produce(own)));
    copyingMs.push(await elapsedMs(() => produce(own, BODY)));
    libraryMs.push(await elapsedMs(() => emit(library)));
  }
  const rate = (times: readonly number[]): number => (MESSAGES * 1_000) / median(times);
  return [
    { name: 'SimpleMQ, 10,000 subscriptions', value: rate(ownMs), unit: 'messages/s' },
    { name: 'eventemitter2, 10,000 subscriptions', value: rate(libraryMs), unit: 'messages/s' },
    { name: 'SimpleMQ / eventemitter2', value: rate(ownMs) / rate(libraryMs), unit: 'ratio' },
    { name: '… with bodies to be copied', value: rate(copyingMs) / rate(libraryMs), unit: 'ratio' },
  ];
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

/** Made beforehand: what a key costs is not what is measured. */
const KEYS: readonly RoutingKey[] = Array.from({ length: 1_000 }, (_, n) => ['changes', String(n), 'new']);

function keyOf(n: number): RoutingKey {
  return KEYS[n % KEYS.length] ?? [];
}

async function aQueue(filters: readonly Filter[]): Promise<SimpleMQ> {
  const queue = new SimpleMQ(RUNTIME);
  let heard = 0;
  for (const filter of filters) await queue.startConsuming(() => void heard++, filter);
  return queue;
}

/** Resolves when all messages have been delivered. */
async function produce(queue: SimpleMQ, body = FROZEN_BODY): Promise<void> {
  for (let n = 0; n < MESSAGES; n++) {
    queue.produce(keyOf(n), body);
    // As in life: what was produced is delivered before much more is.
    if (n % 100 === 0) await Promise.resolve();
  }
  await Promise.resolve();
}

type Emitter = InstanceType<typeof eventEmitter2.EventEmitter2>;

function anEmitter(filters: readonly Filter[]): Emitter {
  const emitter = new eventEmitter2.EventEmitter2({ wildcard: true, delimiter: '/', maxListeners: 0 });
  let heard = 0;
  for (const filter of filters) {
    emitter.on(
      filter.map((word) => word ?? '*'),
      () => void heard++,
    );
  }
  return emitter;
}

async function emit(emitter: Emitter): Promise<void> {
  for (let n = 0; n < MESSAGES; n++) {
    emitter.emit(keyOf(n) as string[], FROZEN_BODY);
    if (n % 100 === 0) await Promise.resolve();
  }
}

const RUNTIME: Runtime = {
  clock: { wallMs: () => 0, monotonicMs: () => 0, setTimer: () => ({ cancel: nothing }) },
  random: { integer: () => 0 },
  logger: { log: nothing },
  probe: { emit: nothing },
};

function nothing(): void {}
