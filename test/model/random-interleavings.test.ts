// The simulated database against the real one, on random interleavings. Whatever victims the two choose:
//
// 1. What the simulation commits is as if its transactions had run one after the other, in the order of their commits.
// 2. What the simulation commits PostgreSQL commits too, when those are left out whom the simulation refused.
// 3. What PostgreSQL commits the simulation commits too, when those are left out whom PostgreSQL refused; or it has read
//    what has changed since: a simulated transaction has no snapshot of the past (scripts.ts, NO_PAST).

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import { describeOnPostgres } from '../support/postgres.js';
import { soakOr } from '../support/soak.js';
import { anyMoves, committedBefore, commitOrders, withoutRefused, type Move, type Play } from './moves.js';
import { playInTurn, playSimulated, Server } from './players.js';
import { MODEL_SCHEMA, MODEL_TABLES, type Connection } from './script.js';

const RUNS = soakOr(5_000, 100);
/** Fixed in the tests, so that they never fail for others; fresh in the soak. */
const SEED = soakOr(Date.now() % 2 ** 31, 20_261_201);

let engine: SqlEngine;
beforeAll(async () => {
  engine = await SqlEngine.open(MODEL_SCHEMA, MODEL_TABLES);
});
afterAll(() => engine.close());

describe('what the simulated database commits', () => {
  test(
    'is serializable in the order of the commits',
    async () => {
      const check = async (moves: readonly Move[]): Promise<void> => {
        await checkSerial(moves, await playSimulated(engine, moves));
      };
      await fc.assert(fc.asyncProperty(anyMoves, check), { numRuns: 4 * RUNS, seed: SEED });
    },
    60_000 + RUNS * 400,
  );
});

describeOnPostgres('what PostgreSQL and the simulated database commit', MODEL_SCHEMA, (fresh) => {
  test(
    'is the same, but for what was read and has changed since',
    async () => {
      const server = await Server.open(await fresh());
      const counts = { refusals: 0, otherVictims: 0, cautious: 0, noPast: 0 };
      const check = async (moves: readonly Move[]): Promise<void> => {
        const simulated = await playSimulated(engine, moves);
        const real = await server.play(moves);
        counts.refusals += real.refused.size;
        const bolder = simulated.committed.filter((on) => !real.committed.includes(on));
        if (bolder.length > 0) {
          counts.otherVictims += 1;
          const again = await server.play(withoutRefused(moves, simulated.refused));
          counts.cautious += checkNoneRefused(simulated, again);
        }
        const shyer = real.committed.filter((on) => !simulated.committed.includes(on));
        if (shyer.length > 0) {
          const kept = withoutRefused(moves, real.refused);
          const again = await playSimulated(engine, kept);
          await checkSerial(kept, again);
          counts.noPast += await checkExcused(kept, again, (on, nth) => sightOf(moves, real, on, nth));
        }
      };
      await fc.assert(fc.asyncProperty(anyMoves, check), { numRuns: RUNS, seed: SEED });
      server.close();
      // The generator does come by all of this.
      expect(Math.min(counts.refusals, counts.otherVictims, counts.noPast)).toBeGreaterThan(0);
    },
    60_000 + RUNS * 2_000,
  );
});

async function checkSerial(moves: readonly Move[], play: Play): Promise<void> {
  const differences: string[] = [];
  for (const order of commitOrders(play)) {
    const { sights, left } = await playInTurn(moves, order);
    const other = [...sights].find(([index, sight]) => play.sights.get(index) !== sight);
    if (other === undefined && left === play.left) return;
    const [index, sight] = other ?? [-1, left];
    const got = other === undefined ? play.left : play.sights.get(index);
    differences.push(`in the order ${order.join()} expected ${sight}, got ${got}\n${shown(moves, index)}`);
  }
  expect(differences.join('\n')).toBe('');
}

/**
 * Whom the simulation committed PostgreSQL commits, or is only being cautious: it tracks reads by page, and refuses what
 * may be a conflict. Returns how often it was.
 */
function checkNoneRefused(simulated: Play, real: Play): number {
  const refused = simulated.committed.flatMap((on) => real.refused.get(on) ?? []);
  const grave = refused.filter(({ error }) => !error.message.includes('read/write dependencies'));
  expect(grave.map(({ error }) => `${error.code}: ${error.message}`)).toEqual([]);
  return refused.length;
}

/**
 * Whom PostgreSQL committed the simulation commits too, or it is after others whom PostgreSQL has after it: what it had read
 * is not so any more, or what it writes finds what was not there. Returns how often that was so.
 */
async function checkExcused(
  moves: readonly Move[],
  simulated: Play,
  realSight: (on: Connection, nth: number) => string | undefined,
): Promise<number> {
  let excused = 0;
  for (const [on, refusal] of simulated.refused) {
    const { at, error } = refusal;
    const order = [...committedBefore(simulated, refusal), on];
    const { sights } = await playInTurn(moves, order, at + 1);
    const own = moves.flatMap((move, i) => (move.on === on ? [i] : []));
    const isOther = own.some((i, nth) => {
      const expected = i < at ? simulated.sights.get(i) : realSight(on, nth);
      return sights.has(i) && sights.get(i) !== expected;
    });
    expect(isOther, `${on} was refused (${error.code}) without reason: ${shown(moves, at)}`).toBe(true);
    excused += 1;
  }
  return excused;
}

/** What the `nth` move of a connection was answered. */
function sightOf(moves: readonly Move[], play: Play, on: Connection, nth: number): string | undefined {
  const own = moves.flatMap((move, i) => (move.on === on ? [i] : []));
  return play.sights.get(own[nth] ?? -1);
}

function shown(moves: readonly Move[], at = -1): string {
  return moves
    .map(
      ({ on, sql, lock }, i) =>
        `${i === at ? '> ' : ''}${on}: ${sql}${lock === undefined ? '' : ` [${lock}]`}`,
    )
    .join('\n');
}
