// Running events so that all microtasks and nextTicks of each have ended before the next one starts, in two ways.
//
// `tick`: one synchronous stretch; after each event `process._tickCallback()` drains both queues. It drains nothing when
// it is called from a microtask, so the stretch is entered from a real macrotask, and a self-test refuses an engine on
// which it does not work. `immediate`: one real `setImmediate` callback per event; Node drains between the callbacks of
// one batch, and no I/O of the host gets in between. Both give the same order. A lock admits one run per thread.

import { StandinError } from '../../src/core/errors.js';

/** The events of a run, as a drain sees them. */
export interface Steps {
  /** Starts the next event; false when the run is over, and then `finish` is not called. */
  begin(): boolean;
  /** Called when everything that the event queued has run. */
  finish(): void;
}

// Captured before any guard or fake can replace them.
const realSetImmediate = setImmediate;
const realNextTick = process.nextTick.bind(process);
const tickCallback = (process as { _tickCallback?: () => void })._tickCallback;

const BATCH = 256;

let isTested = false;
let lockTail: Promise<void> = Promise.resolve();

/** Runs `action` when every earlier one on this thread has ended. */
export async function withLock<T>(action: () => Promise<T>): Promise<T> {
  const before = lockTail;
  let release = (): void => undefined;
  lockTail = new Promise<void>((resolve) => (release = resolve));
  await before;
  try {
    return await action();
  } finally {
    release();
  }
}

/** Runs all steps in one synchronous stretch. Rejects with StandinError `drain-unavailable`, or with what a step threw. */
export function drainByTick(steps: Steps): Promise<void> {
  return inMacrotask(() => {
    const drain = testedTickCallback();
    while (steps.begin()) {
      drain.call(process);
      steps.finish();
    }
  });
}

/** Runs each step in a real `setImmediate` callback. Rejects with what a step threw. */
export function drainByImmediate(steps: Steps): Promise<void> {
  return new Promise((resolve, reject) => {
    let isUnderWay = false;
    let isOver = false;
    const settle = (action: () => void): void => {
      isOver = true;
      action();
    };
    const step = (): void => {
      if (isOver) return;
      try {
        if (isUnderWay) steps.finish();
        isUnderWay = steps.begin();
        if (!isUnderWay) settle(resolve);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    // The last callback of a batch may not leave an event half done: the host's I/O comes after it.
    const last = (): void => {
      if (isOver) return;
      try {
        if (isUnderWay) steps.finish();
        isUnderWay = false;
        batch();
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const batch = (): void => {
      for (let i = 0; i < BATCH; i++) realSetImmediate(step);
      realSetImmediate(last);
    };
    batch();
  });
}

function inMacrotask(action: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    realSetImmediate(() => {
      try {
        action();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Called in a macrotask: the drain function, once it has been seen to drain both queues. */
function testedTickCallback(): () => void {
  const drain = tickCallback;
  if (drain === undefined)
    throw new StandinError('drain-unavailable', drainAdvice('has no process._tickCallback'));
  if (isTested) return drain;
  const order: string[] = [];
  void Promise.resolve().then(() => order.push('microtask'));
  realNextTick(() => order.push('tick'));
  drain.call(process);
  if (order.join(' ') !== 'tick microtask') {
    throw new StandinError(
      'drain-unavailable',
      drainAdvice('does not drain its queues on process._tickCallback()'),
    );
  }
  isTested = true;
  return drain;
}

function drainAdvice(what: string): string {
  return `this Node (${process.version}) ${what}: use the drain 'immediate' (and no vm context, such as vitest's vmThreads)`;
}
