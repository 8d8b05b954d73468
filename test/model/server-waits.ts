// Whether a step on a real server has been answered, or waits for somebody: then the next step is sent.

import type { Session } from '../../src/db/driver.js';

const WAITS = 'SELECT cardinality(pg_blocking_pids(CAST(? AS INTEGER))) > 0 AS waits';

/** The process of the server that serves a session. */
export async function serverProcess(session: Session): Promise<number> {
  const [result] = await session.run([{ sql: 'SELECT pg_backend_pid() AS pid', values: [] }]);
  return Number(result?.rows[0]?.['pid']);
}

/** Resolves when `answer` has settled, or the server's process `pid` is seen, by `observer`, to wait for a lock. */
export async function answeredOrWaiting(
  answer: Promise<void>,
  observer: Session,
  pid: number,
): Promise<void> {
  let isAnswered = false;
  const done = (): void => void (isAnswered = true);
  answer.then(done, done);
  while (!isAnswered) {
    const [result] = await observer.run([{ sql: WAITS, values: [pid] }]);
    if (result?.rows[0]?.['waits'] === 1) return;
  }
}
