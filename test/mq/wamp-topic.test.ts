// Any routing key survives as a WAMP topic.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import type { RoutingKey } from '../../src/core/routing-key.js';
import { ANY_WORD, escapeWord, TopicSpace, unescapeWord } from '../../src/mq/wamp-topic.js';

const anyWord = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom('', '.', '_', '__', '_z', '_w', '_p', '*', '#', ' ', 'A', 'é', '_2e', '\ud800', 'a.b'),
);
const key: fc.Arbitrary<RoutingKey> = fc.array(anyWord, { minLength: 1, maxLength: 5 });
const topics = new TopicSpace('org.standin.mq');

describe('WAMP topics', () => {
  test('give back every key, of any words whatever', () => {
    fc.assert(
      fc.property(key, (words) => {
        expect(topics.keyOf(topics.topicOf(words))).toEqual(words);
      }),
      { numRuns: 2_000 },
    );
  });

  test('hold only what every router accepts under its strict rules', () => {
    fc.assert(
      fc.property(key, (words) => {
        expect(topics.topicOf(words)).toMatch(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/);
      }),
    );
  });

  test('are different for different keys, and never look like a wildcard', () => {
    fc.assert(
      fc.property(anyWord, anyWord, (one, other) => {
        expect(escapeWord(one) === escapeWord(other)).toBe(one === other);
        expect(escapeWord(one)).not.toBe(ANY_WORD);
      }),
    );
  });

  test('stay readable for plain words', () => {
    expect(topics.topicOf(['changes', '12', 'new'])).toBe('org.standin.mq.changes.12.new');
    expect(topics.topicOf(['a.b', '', 'Ä_'])).toBe('org.standin.mq.a_2eb._z._c4__');
    expect(topics.topicOf(['changes', null])).toBe('org.standin.mq.changes._w');
  });

  test('read only what they write', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('_', 'a', '2', 'e', 'u', 'z', 'w', '0', 'A', '-') }),
        (component) => {
          const word = unescapeWord(component);
          if (word !== null) expect(escapeWord(word)).toBe(component);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(topics.keyOf('org.standin.mqueue.changes')).toBeNull();
    expect(topics.keyOf('org.standin.mq._p')).toBeNull();
    expect(topics.keyOf('org.standin.mq.changes._w')).toBeNull();
  });

  test.each(['', 'wamp', 'wamp.mq', 'a..b', 'A', 'a.', 'a b'])('refuse the prefix %j', (prefix) => {
    expect(() => new TopicSpace(prefix)).toThrow(ConfigError);
  });
});
