import { expect, test } from 'vitest';
import { dataFollows } from '../../sim/oracles/data-follows.js';
import { ORACLES } from '../../sim/oracles/index.js';
import { formatMs, formatUs } from '../../sim/report/virtual-time.js';
import { judge, REGISTERED } from './story.js';

test('every guarantee has its oracle, in order', () => {
  expect(ORACLES.map((oracle) => oracle.name)).toEqual([
    'single-effect',
    'single-active',
    'failover-bound',
    'non-revertive',
    'no-lost-change',
    'no-duplicate',
    'state-recovered',
    'slot-once',
    'dead-released',
    'queue-contract',
    'disabled-idle',
    'tasks-alive',
    'data-follows',
  ]);
});

test('a history in which nothing happens breaks nothing and proves nothing', () => {
  for (const oracle of ORACLES) {
    // That masters have started is announced, which this history leaves out.
    const history = oracle === dataFollows ? REGISTERED.slice(2) : REGISTERED;
    const { sentences, run } = judge(oracle, history, 9000);
    expect(sentences).toEqual([]);
    expect(run.checks).toBe(0);
  }
});

test('virtual times are exact to the millisecond and drop what is zero at either end', () => {
  expect([0, 250_000, 192_400_999, 3_605_000_000, -2_000_000].map(formatUs)).toEqual([
    '0s',
    '0.25s',
    '3m12.4s',
    '1h0m5s',
    '-2s',
  ]);
  expect(formatMs(61_007)).toBe('1m1.007s');
});
