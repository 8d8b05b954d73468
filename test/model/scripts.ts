// The interleaving scripts.

import type { Connection, Script, Sight, Step } from './script.js';

const BEGIN = 'BEGIN';
const COMMIT = 'COMMIT';
const ROLLBACK = 'ROLLBACK';
const AMOUNT_1 = 'SELECT amount FROM accounts WHERE id = 1';
const AMOUNT_2 = 'SELECT amount FROM accounts WHERE id = 2';
const TOTAL = 'SELECT SUM(amount) AS total FROM accounts';
const EPOCH = 'SELECT epoch FROM schedulers WHERE id = 1';
const CLAIM = 'UPDATE schedulers SET epoch = epoch + 1 WHERE id = 1';
const EFFECT = 'INSERT INTO effects (id, epoch) VALUES (1, 5)';
const EFFECTS = 'SELECT epoch FROM effects ORDER BY id';
const ACCOUNTS = 'SELECT amount FROM accounts ORDER BY id';
const MESSAGES = 'SELECT body FROM messages ORDER BY id';
const UPSERT =
  'INSERT INTO effects (id, epoch) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET epoch = effects.epoch + 1';
const ROW = 'row:schedulers:1';
const OTHER_ROW = 'row:schedulers:2';

const NO_PAST =
  'a simulated transaction has no snapshot of the past: what it reads must still be so when it commits. It is refused, ' +
  'and tried again, where PostgreSQL would have it before the others';

export const SCRIPTS: readonly Script[] = [
  {
    name: 'a dirty read does not happen',
    steps: [
      step('a', BEGIN),
      step('a', setAmount(1, 70)),
      step('a', AMOUNT_1, [[70]]),
      step('b', AMOUNT_1, [[100]]),
      step('c', BEGIN),
      step('c', TOTAL, [[200]]),
      step('c', COMMIT),
      step('a', ROLLBACK),
      step('b', AMOUNT_1, [[100]]),
    ],
    outcomes: [{ a: 'commits', b: 'commits', c: 'commits' }],
  },
  {
    name: 'a committed write is seen by whoever begins after it',
    steps: [
      step('a', BEGIN),
      step('a', setAmount(1, 70)),
      step('b', BEGIN),
      step('a', COMMIT),
      step('b', AMOUNT_1, [[70]]),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
  },
  {
    name: 'a read is repeatable',
    steps: [
      step('a', BEGIN),
      step('a', AMOUNT_1, [[100]]),
      step('b', setAmount(1, 70)),
      step('a', AMOUNT_1, [[100]]),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    differs: { outcomes: { a: 'serialization-failure', b: 'commits' }, because: NO_PAST },
  },
  {
    name: 'what changed since the first read is seen by none or all of the reads',
    steps: [
      step('a', BEGIN),
      step('a', AMOUNT_1, [[100]]),
      step('b', setAmount(2, 70)),
      step('a', AMOUNT_2, [[100]], { seesSimulated: [[70]] }),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    differs: { because: `${NO_PAST}; here nothing that it read has changed, and it comes after the other` },
  },
  {
    name: 'a phantom does not appear',
    steps: [
      step('a', BEGIN),
      step('a', TOTAL, [[200]]),
      step('b', 'INSERT INTO accounts VALUES (3, 50)'),
      step('a', TOTAL, [[200]]),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    differs: { outcomes: { a: 'serialization-failure', b: 'commits' }, because: NO_PAST },
  },
  {
    name: 'a phantom on which a write rests is refused',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', TOTAL, [[200]]),
      step('b', TOTAL, [[200]]),
      step('a', 'INSERT INTO accounts VALUES (3, -150)'),
      step('b', 'INSERT INTO accounts VALUES (4, -150)'),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[100], [100], [-150]] },
  },
  {
    name: 'a lost update is refused',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', AMOUNT_1, [[100]]),
      step('b', AMOUNT_1, [[100]]),
      step('a', setAmount(1, 110)),
      step('b', setAmount(1, 120)),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[110], [100]] },
  },
  {
    name: 'an update that read nothing is refused as well, when its row has changed since the transaction began to look',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', setAmount(1, 110)),
      step('a', setAmount(1, 120)),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[110], [100]] },
  },
  {
    name: 'an update that waits for one that is rolled back goes on',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', addAmount(1, 10)),
      step('b', addAmount(1, 20)),
      step('a', ROLLBACK),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[120], [100]] },
  },
  {
    name: 'an update outside a transaction that waits for another one is refused when that commits',
    steps: [step('a', BEGIN), step('a', addAmount(1, 10)), step('b', addAmount(1, 20)), step('a', COMMIT)],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[110], [100]] },
  },
  {
    name: 'who writes a row first is first: the other waits, also if it means to commit before',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', setAmount(1, 110)),
      step('b', setAmount(1, 120)),
      step('b', COMMIT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[110], [100]] },
  },
  {
    name: 'a row that another one deletes meanwhile is not updated',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', 'DELETE FROM accounts WHERE id = 1'),
      step('b', setAmount(1, 120)),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[100]] },
  },
  {
    name: 'writes in a circle are a deadlock too',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', addAmount(1, 1)),
      step('b', addAmount(2, 1)),
      step('a', addAmount(2, 1)),
      step('b', addAmount(1, 1)),
      step('a', COMMIT),
      step('b', COMMIT),
      step('a', ROLLBACK),
      step('b', ROLLBACK),
    ],
    outcomes: [
      { a: 'commits', b: 'deadlock' },
      { a: 'deadlock', b: 'commits' },
    ],
    leaves: { sql: ACCOUNTS, sees: [[101], [101]] },
  },
  {
    name: 'write skew is refused',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', TOTAL, [[200]]),
      step('b', TOTAL, [[200]]),
      step('a', setAmount(1, 0)),
      step('b', setAmount(2, 0)),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: ACCOUNTS, sees: [[0], [100]] },
  },
  {
    name: 'transactions that touch different rows do not disturb each other',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', AMOUNT_1, [[100]]),
      step('b', AMOUNT_2, [[100]]),
      step('a', setAmount(1, 0)),
      step('b', setAmount(2, 0)),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[0], [0]] },
  },
  {
    // Fekete, O'Neil, O'Neil: b withdraws with a fee because it has not seen the deposit of a; c has seen the deposit and
    // no fee, which no serial order allows.
    name: 'the read-only anomaly is refused',
    steps: [
      step('b', BEGIN),
      step('b', TOTAL, [[200]]),
      step('a', addAmount(2, 20)),
      step('c', BEGIN),
      step('c', ACCOUNTS, [[100], [120]]),
      step('c', COMMIT),
      step('b', addAmount(1, -11)),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure', c: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[100], [120]] },
  },
  {
    name: 'a lock is handed over when its holder changed nothing of the row',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('a', EFFECT),
      step('a', COMMIT),
      step('b', CLAIM),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: EPOCH, sees: [[6]] },
  },
  {
    name: 'a lock is handed over first come, first served',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('c', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('c', EPOCH, [[5]], { lock: ROW }),
      step('b', CLAIM),
      step('b', COMMIT),
      step('c', CLAIM),
      step('c', COMMIT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits', c: 'serialization-failure' }],
    leaves: { sql: EPOCH, sees: [[6]] },
  },
  {
    name: 'a write waits for the lock of its row, in a transaction or not, and a read does not',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', CLAIM),
      step('c', EPOCH, [[5]]),
      step('a', EFFECT),
      step('a', EPOCH, [[5]]),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits', c: 'commits' }],
    leaves: { sql: EPOCH, sees: [[6]] },
  },
  {
    name: 'who waited for the lock of a row that its holder changed is refused',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('a', CLAIM),
      step('a', COMMIT),
      step('b', EFFECT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: EFFECTS, sees: [] },
  },
  {
    name: 'who waited for the lock of a row whose change was rolled back goes on',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('a', CLAIM),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('a', ROLLBACK),
      step('b', EFFECT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: EFFECTS, sees: [[5]] },
  },
  {
    name: 'the lock of a row that changed after the transaction began to look is refused at once',
    steps: [
      step('a', BEGIN),
      step('a', AMOUNT_1, [[100]]),
      step('b', CLAIM),
      step('a', EPOCH, [], { lock: ROW }),
      step('a', EFFECT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
    leaves: { sql: EFFECTS, sees: [] },
  },
  {
    name: 'of a circle of waits one is a deadlock, and the other goes on',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', 'SELECT epoch FROM schedulers WHERE id = 2', [[5]], { lock: OTHER_ROW }),
      step('a', 'SELECT 1 AS one', undefined, { lock: OTHER_ROW }),
      step('b', 'SELECT 1 AS one', undefined, { lock: ROW }),
      step('a', COMMIT),
      step('b', COMMIT),
      step('a', ROLLBACK),
      step('b', ROLLBACK),
    ],
    outcomes: [
      { a: 'commits', b: 'deadlock' },
      { a: 'deadlock', b: 'commits' },
    ],
  },
  {
    name: 'of two who insert the same key, the second learns it',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', "INSERT INTO names VALUES (1, 'x')"),
      step('b', "INSERT INTO names VALUES (2, 'x')"),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'unique-violation' }],
    leaves: { sql: 'SELECT id FROM names', sees: [[1]] },
  },
  {
    name: 'of two who insert the same key, the second waits for the first, also if it means to commit before',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', "INSERT INTO names VALUES (1, 'x')"),
      step('b', "INSERT INTO names VALUES (2, 'x')"),
      step('b', COMMIT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'unique-violation' }],
    leaves: { sql: 'SELECT id FROM names', sees: [[1]], seesSimulated: [[2]] },
    differs: {
      outcomes: { a: 'unique-violation', b: 'commits' },
      because:
        'simulated inserts do not wait for each other: whoever commits first has the key. One of the two has it, and the ' +
        'other learns it, in both',
    },
  },
  {
    name: 'of two who insert the same key unless it is there, the second must look again',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', UPSERT),
      step('b', UPSERT),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: 'SELECT epoch FROM effects', sees: [[1]] },
  },
  {
    name: 'of two who looked for a key and then insert it, the second is told that it cannot be serialized',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', "SELECT id FROM names WHERE name = 'x'", []),
      step('b', "SELECT id FROM names WHERE name = 'x'", []),
      step('a', "INSERT INTO names VALUES (1, 'x')"),
      step('b', "INSERT INTO names VALUES (2, 'x')"),
      step('a', COMMIT),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'serialization-failure' }],
    leaves: { sql: 'SELECT id FROM names', sees: [[1]] },
  },
  {
    name: 'a key whose insertion was rolled back is free',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', "INSERT INTO names VALUES (1, 'x')"),
      step('b', "INSERT INTO names VALUES (2, 'x')"),
      step('a', ROLLBACK),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: 'SELECT id FROM names', sees: [[2]] },
  },
  {
    name: 'a failed statement spoils its transaction, and nothing of it remains',
    steps: [
      step('a', BEGIN),
      step('a', setAmount(1, 0)),
      step('a', 'INSERT INTO accounts VALUES (2, 0)'),
      step('a', AMOUNT_1, []),
      step('a', COMMIT),
      step('b', AMOUNT_1, [[100]]),
      step('a', ROLLBACK),
    ],
    outcomes: [{ a: 'unique-violation', b: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[100], [100]] },
  },
  {
    name: 'a spoiled transaction keeps its locks until it is rolled back',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('a', 'INSERT INTO accounts VALUES (2, 0)'),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('a', ROLLBACK),
      step('b', CLAIM),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'unique-violation', b: 'commits' }],
    leaves: { sql: EPOCH, sees: [[6]] },
  },
  {
    // a is the old owner, in epoch 5; b claims.
    name: 'a mere read is no fence',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', BEGIN),
      step('b', CLAIM),
      step('b', COMMIT),
      step('a', EFFECT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: EFFECTS, sees: [[5]], seesSimulated: [] },
    differs: { outcomes: { a: 'serialization-failure', b: 'commits' }, because: NO_PAST },
  },
  {
    name: 'a locked read is a fence: who claims waits for the effect, and then sees that it must look again',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]], { lock: ROW }),
      step('b', BEGIN),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('a', EFFECT),
      step('a', COMMIT),
      step('b', CLAIM),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: EFFECTS, sees: [[5]] },
  },
  {
    name: 'a locked read is a fence: after a claim the effect sees the new epoch',
    steps: [
      step('b', BEGIN),
      step('b', EPOCH, [[5]], { lock: ROW }),
      step('b', CLAIM),
      step('b', COMMIT),
      step('a', BEGIN),
      step('a', EPOCH, [[6]], { lock: ROW }),
      step('a', ROLLBACK),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
  },
  {
    name: 'messages are in the order of commits, though their effects began in another one',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EFFECT),
      step('b', setAmount(1, 0)),
      step('b', "INSERT INTO messages (body) VALUES ('b')", undefined, { lock: 'inbox' }),
      step('a', "INSERT INTO messages (body) VALUES ('a')", undefined, { lock: 'inbox' }),
      step('c', MESSAGES, []),
      step('b', COMMIT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits', c: 'commits' }],
    leaves: { sql: MESSAGES, sees: [['b'], ['a']] },
  },
  {
    name: 'without the lock of the inbox a greater id commits first',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', "INSERT INTO messages (body) VALUES ('a')"),
      step('b', "INSERT INTO messages (body) VALUES ('b')"),
      step('b', COMMIT),
      step('c', MESSAGES, [['b']]),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits', c: 'commits' }],
    leaves: { sql: MESSAGES, sees: [['a'], ['b']], seesSimulated: [['b'], ['a']] },
    differs: {
      because:
        'ids of messages are handed out where a simulated transaction is executed, at its commit. A consumer that loses ' +
        'messages without the lock is not found by simulation: the lock has scripts of its own',
    },
  },
  {
    // a registers a queue and takes in what was there before; b does something and looks who wants to hear of it.
    name: 'a registration and what it does not see cannot both be committed: the one that comes later looks again',
    steps: [
      step('a', BEGIN),
      step('b', BEGIN),
      step('a', EFFECTS, []),
      step('a', "INSERT INTO names VALUES (1, 'queue')"),
      step('b', EFFECT),
      step('b', "SELECT id FROM names WHERE name = 'queue'", []),
      step('b', COMMIT),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
    leaves: { sql: 'SELECT id FROM names', sees: [] },
  },
  {
    name: 'who began to look before a row was deleted cannot delete it too',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', 'DELETE FROM accounts WHERE id = 1'),
      step('a', 'DELETE FROM accounts WHERE id = 1'),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
  },
  {
    name: 'a row that met the condition of an update when it began to look must not have changed, though it does not meet it any more',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', setAmount(1, 70)),
      step('a', 'UPDATE accounts SET amount = 0 WHERE amount = 100'),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
    leaves: { sql: ACCOUNTS, sees: [[70], [100]] },
  },
  {
    name: 'who inserts unless it is there is refused when it cannot see what is there',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', "INSERT INTO names (id, name) VALUES (1, 'x')"),
      step('a', "INSERT INTO names (id, name) VALUES (2, 'x') ON CONFLICT (name) DO NOTHING"),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'serialization-failure', b: 'commits' }],
  },
  {
    name: 'a row that came after it began to look is not deleted',
    steps: [
      step('a', BEGIN),
      step('a', EPOCH, [[5]]),
      step('b', EFFECT),
      step('a', 'DELETE FROM effects WHERE epoch = 5'),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: EFFECTS, sees: [[5]] },
    differs: { outcomes: { a: 'serialization-failure', b: 'commits' }, because: NO_PAST },
  },
  {
    // Why a registration has to read what others announce: src/db/queues.ts, REGISTRATION_GUARD.
    name: 'who began to look before a registration does not see it, and may commit after it',
    steps: [
      step('a', BEGIN),
      step('a', TOTAL, [[200]]),
      step('b', "INSERT INTO names VALUES (1, 'queue')"),
      step('a', EFFECT),
      step('a', "SELECT id FROM names WHERE name = 'queue'", [], { seesSimulated: [[1]] }),
      step('a', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    differs: { because: `${NO_PAST}; here nothing that it read has changed, and it comes after the other` },
  },
  {
    name: 'a message that is rolled back leaves no trace, and its id is of no consequence',
    steps: [
      step('a', BEGIN),
      step('a', "INSERT INTO messages (body) VALUES ('a')", undefined, { lock: 'inbox' }),
      step('b', BEGIN),
      step('b', "INSERT INTO messages (body) VALUES ('b')", undefined, { lock: 'inbox' }),
      step('a', ROLLBACK),
      step('b', COMMIT),
    ],
    outcomes: [{ a: 'commits', b: 'commits' }],
    leaves: { sql: MESSAGES, sees: [['b']] },
  },
];

function step(
  on: Connection,
  sql: string,
  sees?: Sight,
  more: { readonly lock?: string; readonly seesSimulated?: Sight } = {},
): Step {
  return { on, sql, ...(sees && { sees }), ...more };
}

function setAmount(id: number, amount: number): string {
  return `UPDATE accounts SET amount = ${amount} WHERE id = ${id}`;
}

function addAmount(id: number, amount: number): string {
  return `UPDATE accounts SET amount = amount + ${amount} WHERE id = ${id}`;
}
