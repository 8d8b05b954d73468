// The trie of subscriptions against a linear matcher, and that it leaves nothing behind.

import eventEmitter2 from 'eventemitter2';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matches, type Filter, type RoutingKey } from '../../src/core/routing-key.js';
import { Subscriptions } from '../../src/mq/subscriptions.js';

const word = fc.constantFrom('a', '', '__proto__');
const key: fc.Arbitrary<RoutingKey> = fc.array(word, { minLength: 1, maxLength: 3 });
const filter: fc.Arbitrary<Filter> = fc.array(fc.option(word), { minLength: 1, maxLength: 3 });

type Operation = { add: Filter } | { remove: number } | { match: RoutingKey };
const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: filter }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat(30) }) },
    { weight: 3, arbitrary: fc.record({ match: key }) },
  ),
  { maxLength: 60 },
);

/** The same by trying each filter: the ten lines that the trie must agree with. */
class LinearMatcher {
  entries: { filter: Filter; id: number }[] = [];
  match(wanted: RoutingKey): number[] {
    return this.entries.filter((entry) => matches(entry.filter, wanted)).map((entry) => entry.id);
  }
}

function play(sequence: readonly Operation[]): void {
  const trie = new Subscriptions<number>();
  const linear = new LinearMatcher();
  const removers: (() => void)[] = [];
  for (const operation of sequence) {
    if ('add' in operation) {
      linear.entries.push({ filter: operation.add, id: removers.length });
      removers.push(trie.add(operation.add, removers.length));
    } else if ('remove' in operation) {
      const id = operation.remove % Math.max(1, removers.length);
      removers[id]?.();
      linear.entries = linear.entries.filter((entry) => entry.id !== id);
    } else {
      expect(trie.match(operation.match)).toEqual(linear.match(operation.match));
    }
    expect(trie.size).toBe(linear.entries.length);
  }
}

describe('Subscriptions', () => {
  test('match what a linear matcher matches, in the order of adding, whatever was added and removed', () => {
    fc.assert(fc.property(operations, play), { numRuns: 2_000 });
  });

  test('match what the wildcards of an independent library match', () => {
    const plain = fc.constantFrom('a', 'b', 'c');
    const filters = fc.array(fc.array(fc.option(plain), { minLength: 1, maxLength: 3 }), { maxLength: 20 });
    const keys = fc.array(fc.array(plain, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(filters, keys, (wanted, produced) => {
        const trie = new Subscriptions<number>();
        const library = new eventEmitter2.EventEmitter2({ wildcard: true, delimiter: '/', maxListeners: 0 });
        const heard: number[] = [];
        for (const [id, words] of wanted.entries()) {
          trie.add(words, id);
          library.on(
            words.map((one) => one ?? '*'),
            () => heard.push(id),
          );
        }
        for (const words of produced) {
          heard.length = 0;
          library.emit(words);
          expect(trie.match(words)).toEqual(heard.sort((a, b) => a - b));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('hand out a snapshot that later changes leave alone', () => {
    const trie = new Subscriptions<string>();
    const remove = trie.add(['a'], 'first');
    trie.add([null], 'second');
    const matched = trie.match(['a']);
    remove();
    trie.add(['a'], 'third');
    expect(matched).toEqual(['first', 'second']);
    expect(trie.match(['a'])).toEqual(['second', 'third']);
  });

  test('remove one of two equal entries, once', () => {
    const trie = new Subscriptions<string>();
    const remove = trie.add(['a', null], 'same');
    trie.add(['a', null], 'same');
    remove();
    remove();
    expect(trie.match(['a', 'x'])).toEqual(['same']);
    expect(trie.size).toBe(1);
  });
});
