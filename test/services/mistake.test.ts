// Which errors are told to observers as mistakes of the code that was called, and with what.

import { expect, test } from 'vitest';
import { ConfigError, StandinError } from '../../src/core/errors.js';
import { NotJsonError } from '../../src/core/json.js';
import { ClaimLostError } from '../../src/db/claims.js';
import { DatabaseError } from '../../src/db/driver.js';
import { tellMistake } from '../../src/runtime/mistake.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { ActivityOverError } from '../../src/services/clustered-service.js';
import { TestRuntime } from '../support/test-runtime.js';

test.each([
  ['an error of the engine', new TypeError('x is not a function')],
  ['what is no error at all', 'text'],
  ['a value that is not JSON', new NotJsonError('state', 'a Date')],
  ['work after the end of its activity', new ActivityOverError('an effect', 's')],
  ['wrong arguments', new ConfigError('wrong')],
])('%s is a mistake', (_what, error) => {
  const runtime = new TestRuntime();
  tellMistake(runtime, 'message 7', error);
  expect(runtime.probes).toMatchObject([{ event: 'mistake' }]);
  expect(JSON.stringify(runtime.probes)).toContain('message 7 met ');
});

test.each([
  ['a claim that is lost', new ClaimLostError('an effect')],
  ['a database that is away', new DatabaseError('serialization-failure', 'gone')],
  ['an error of the service itself', new StandinError('unreachable', 'the farm does not answer')],
  ['a wait that was ended', new DOMException('aborted', 'AbortError')],
])('%s is none', (_what, error) => {
  const runtime = new TestRuntime();
  tellMistake(runtime, 'message 7', error);
  expect(runtime.probes).toEqual([]);
});

test('a real process writes where the mistake was made', () => {
  const lines: string[] = [];
  tellMistake(new NodeRuntime({ write: (line) => void lines.push(line) }), 'a change', new TypeError('oops'));
  expect(lines.join('')).toContain('error   the mistake was made here: TypeError: oops\n      at ');
  expect(lines.join('')).toContain('mistake.test.ts');
});
