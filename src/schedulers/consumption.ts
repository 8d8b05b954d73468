// What a scheduler makes of the messages of one durable queue: each is a section of its own, whose effect acknowledges it.
// Messages that nobody wants are acknowledged along with the next effect, or when the feed settles, not each by itself.

import type { QueuedMessage } from '../db/queues.js';
import type { FeedConsumer } from './event-feed.js';

/** What to do about a message; null when it is not wanted. */
export type Interpretation = (message: QueuedMessage) => (() => Promise<void>) | null;

/** Runs a section and acknowledges the messages with what it writes. */
export type Acknowledging = (messageIds: readonly number[], section: () => Promise<void>) => Promise<void>;

export class Consumption implements FeedConsumer {
  readonly #interpret: Interpretation;
  readonly #acknowledging: Acknowledging;
  readonly #unwanted = new Set<number>();

  constructor(interpret: Interpretation, acknowledging: Acknowledging) {
    this.#interpret = interpret;
    this.#acknowledging = acknowledging;
  }

  async consume(message: QueuedMessage): Promise<void> {
    const section = this.#interpret(message);
    if (section === null) {
      this.#unwanted.add(message.id);
      return;
    }
    await this.#acknowledging([...this.#unwanted, message.id], section);
    this.#unwanted.clear();
  }

  async settle(): Promise<void> {
    if (this.#unwanted.size === 0) return;
    await this.#acknowledging([...this.#unwanted], async () => undefined);
    this.#unwanted.clear();
  }
}
