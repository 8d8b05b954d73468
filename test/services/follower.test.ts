// Whoever follows the database by messages ends in its state: over every order and loss of short sequences, and over random
// ones with repetitions, interruptions, slow reads and failed ones.

import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { LIVE_SCHEDULERS, LiveEntities } from '../../src/data/live-entities.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { sleep } from '../../src/runtime/clock.js';
import { Follower } from '../../src/services/follower.js';
import { Poll } from '../../src/services/poll.js';
import { LoneTask } from '../../src/periodic/lone-task.js';
import { TestRuntime } from '../support/test-runtime.js';

const POLL_MS = 30_000;
const RETRY_MS = 1_000;
/** A read tells what was there when it began. */
const READ_MS = 100;

/** A queue that can be interrupted. */
class InterruptedMQ extends SimpleMQ {
  readonly #listeners = new Set<() => void>();

  override onReconnected(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  reconnect(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** One scheduler's row, what was announced of it, and one who follows. */
class Story {
  readonly runtime = new TestRuntime();
  readonly mq = new InterruptedMQ(this.runtime);
  readonly entities = new LiveEntities(LIVE_SCHEDULERS);
  readonly follower: Follower;
  committed = 0;
  reads = 0;
  failures = 0;

  constructor() {
    const poll = new Poll(this.runtime.logger);
    new LoneTask(this.runtime, { name: 'the poll', spacingMs: POLL_MS }, () => poll.tell()).start();
    this.follower = new Follower(this.runtime, this.mq, {
      name: 'the test',
      filters: [['schedulers', null, null]],
      every: poll,
      retryMs: RETRY_MS,
      hear: ({ key, body }) => this.entities.hear(key, body) === 'gap',
      read: () => this.#read(),
    });
  }

  static async following(): Promise<Story> {
    const story = new Story();
    story.follower.start();
    await story.pass(2 * READ_MS);
    return story;
  }

  deliver(revision: number): void {
    this.mq.produce(['schedulers', '1', 'updated'], row(revision));
  }

  pass(ms: number): Promise<void> {
    return this.runtime.clock.advance(ms);
  }

  get known(): number {
    return Number(this.entities.get(1)?.['revision'] ?? 0);
  }

  async #read(): Promise<void> {
    this.reads++;
    const found = this.committed;
    await sleep(this.runtime.clock, READ_MS);
    if (this.failures > 0) {
      this.failures--;
      throw new Error('away');
    }
    if (found > 0) this.entities.load([row(found)]);
  }
}

function row(revision: number): JsonObject {
  return { schedulerid: 1, name: 'fast', enabled: true, masterid: revision, revision };
}

describe('a follower', () => {
  test('reads what was there, and hears what comes while it reads', async () => {
    const story = new Story();
    story.committed = 3;
    story.follower.start();
    await story.pass(READ_MS / 2);
    story.deliver(++story.committed);
    await story.pass(0);
    expect(story.known).toBe(4);
    await story.pass(2 * READ_MS);
    expect(story.known).toBe(4);
    await story.follower.stop();
  });

  test('reads nothing while messages come one after the other', async () => {
    const story = await Story.following();
    const { reads } = story;
    for (let n = 1; n <= 20; n++) story.deliver(++story.committed);
    await story.pass(POLL_MS - 1_000);
    expect([story.known, story.reads]).toEqual([20, reads]);
    await story.follower.stop();
  });

  const orders = permutations([1, 2, 3, 4]);
  test.each(orders)('has the state of the database whatever is lost of %i, %i, %i, %i', async (...order) => {
    for (let lost = 0; lost < 16; lost++) {
      const story = await Story.following();
      story.committed = 4;
      const heard = order.filter((n) => (lost & (1 << (n - 1))) === 0);
      for (const n of heard) story.deliver(n);
      await story.pass(3 * READ_MS);
      // Only what is lost at the end shows in no message.
      const isSeen = heard.some(
        (n, i) => n !== Math.max(0, ...heard.slice(0, i)) + 1 && n > Math.max(0, ...heard.slice(0, i)),
      );
      expect(story.known).toBe(isSeen ? 4 : Math.max(0, ...heard));
      await story.pass(POLL_MS);
      expect(story.known).toBe(4);
      await story.follower.stop();
    }
  });

  test('reads again after an interruption, and again after a read that failed', async () => {
    const story = await Story.following();
    story.committed = 2;
    story.failures = 2;
    story.mq.reconnect();
    await story.pass(2 * RETRY_MS + 4 * READ_MS);
    expect(story.known).toBe(2);
    await story.follower.stop();
  });

  test('hears and reads nothing any more once it was stopped', async () => {
    const story = await Story.following();
    const stopped = story.follower.stop();
    story.deliver(++story.committed);
    story.mq.reconnect();
    await stopped;
    const { reads } = story;
    await story.pass(3 * POLL_MS);
    expect([story.known, story.reads]).toEqual([0, reads]);
  });

  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant({ what: 'commit' as const, n: 0 }) },
      { weight: 6, arbitrary: fc.record({ what: fc.constant('deliver' as const), n: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('pass' as const), n: fc.nat(300) }) },
      fc.constant({ what: 'reconnect' as const, n: 0 }),
      fc.constant({ what: 'fail' as const, n: 0 }),
    ),
    { maxLength: 60 },
  );

  property.prop([steps], { numRuns: 300 })(
    'never goes back, and ends in the state of the database, over random sequences',
    async (sequence) => {
      const story = await Story.following();
      let known = 0;
      for (const { what, n } of sequence) {
        if (what === 'commit') story.committed++;
        // Any message that was ever sent, again or late; those that are never chosen are lost.
        if (what === 'deliver' && story.committed > 0) story.deliver((n % story.committed) + 1);
        if (what === 'pass') await story.pass(n);
        if (what === 'reconnect') story.mq.reconnect();
        if (what === 'fail') story.failures = 1;
        expect(story.known).toBeGreaterThanOrEqual(known);
        known = story.known;
      }
      await story.pass(POLL_MS + RETRY_MS + 3 * READ_MS);
      expect(story.known).toBe(story.committed);
      await story.follower.stop();
    },
  );
});

function permutations(items: readonly number[]): readonly [number, number, number, number][] {
  const all = (rest: readonly number[]): number[][] =>
    rest.length < 2
      ? [[...rest]]
      : rest.flatMap((item, i) => all(rest.toSpliced(i, 1)).map((tail) => [item, ...tail]));
  return all(items) as [number, number, number, number][];
}
