// The trace: what its hash covers, and which events it keeps.

import { describe, expect, test } from 'vitest';
import { Trace } from '../../sim/kernel/trace.js';

type Fields = [atUs: number, node: string, kind: string, detail: string];

function hashOf(...events: Fields[]): string {
  const trace = new Trace();
  for (const event of events) trace.add(...event);
  return trace.hash();
}

describe('the trace hash', () => {
  const base: Fields = [1_000, 'a', 'deliver', 'a>b 12'];

  test('is 16 hexadecimal digits, equal for equal events', () => {
    expect(hashOf(base)).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf(base)).toBe(hashOf([...base]));
  });

  test('covers every field, the high bits of the time, and the order', () => {
    const variants: Fields[][] = [
      [],
      [base],
      [[1_001, 'a', 'deliver', 'a>b 12']],
      [[1_000 + 2 ** 40, 'a', 'deliver', 'a>b 12']],
      [[1_000, 'b', 'deliver', 'a>b 12']],
      [[1_000, 'a', 'delivery', 'a>b 12']],
      [[1_000, 'a', 'deliver', 'a>b 13']],
      [[1_000, 'ad', 'eliver', 'a>b 12']],
      [[1_000, 'a', 'deliver', ''], [1_000, '', '', 'a>b 12']],
      [base, base],
      [base, [1_001, 'a', 'deliver', 'a>b 12']],
      [[1_001, 'a', 'deliver', 'a>b 12'], base],
    ]; // prettier-ignore
    expect(new Set(variants.map((events) => hashOf(...events))).size).toBe(variants.length);
  });

  test('still depends on events that are no longer kept', () => {
    const many = (first: string): string => {
      const trace = new Trace();
      trace.add(0, '', first, '');
      for (let i = 0; i < 5_000; i++) trace.add(i, 'a', 'x', 'y');
      return trace.hash();
    };
    expect(many('one')).not.toBe(many('two'));
  });
});

describe('the trace', () => {
  test('keeps the last 2,000 events, and hands out copies, oldest first', () => {
    const trace = new Trace();
    for (let i = 0; i < 4_500; i++) trace.add(i * 10, 'a', 'k', String(i));
    expect(trace.count).toBe(4_500);
    expect(trace.tail(10_000)).toHaveLength(2_000);
    const tail = trace.tail(3);
    expect(tail.map(({ index, atUs, detail }) => [index, atUs, detail])).toEqual([
      [4_497, 44_970, '4497'],
      [4_498, 44_980, '4498'],
      [4_499, 44_990, '4499'],
    ]);
    trace.add(0, 'b', 'later', '');
    expect(tail[0]?.node).toBe('a');
  });

  test('keeps everything on demand', () => {
    const trace = new Trace({ keepAll: true });
    for (let i = 0; i < 4_500; i++) trace.add(i, 'a', 'k', '');
    expect(trace.tail(1e9)).toHaveLength(4_500);
  });
});
