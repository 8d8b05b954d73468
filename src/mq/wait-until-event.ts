// `waitUntilEvent` for every implementation of the port: subscribe first, then look, then wait, so that nothing can fall
// between the look and the wait. As messages may be lost with a connection, it looks again after each interruption.

import type { Filter } from '../core/routing-key.js';
import { deferred } from './deferred.js';
import type { Listeners } from './listeners.js';
import { QueueStoppedError, type MessageQueue, type ReceivedMessage } from './message-queue.js';

/** See `MessageQueue.waitUntilEvent`; `stopping` is the signal that the queue stops. */
export async function waitUntilEvent(
  queue: Pick<MessageQueue, 'startConsuming' | 'onReconnected'>,
  stopping: Listeners,
  filter: Filter,
  check: () => Promise<boolean>,
): Promise<ReceivedMessage | null> {
  const outcome = deferred<ReceivedMessage | null>();
  const reference = await queue.startConsuming((key, body) => outcome.resolve({ key, body }), filter);
  const lookAgain = (): void => {
    check().then((isThere) => (isThere ? outcome.resolve(null) : undefined), outcome.reject);
  };
  const removers = [
    queue.onReconnected(lookAgain),
    stopping.add(() => outcome.reject(new QueueStoppedError())),
  ];
  try {
    return (await check()) ? null : await outcome.promise;
  } finally {
    for (const remove of removers) remove();
    await reference.stopConsuming();
  }
}
