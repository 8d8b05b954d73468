// When a running service counts as configured like a new one: equal in what its class declares, and else not.

import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import { BaseScheduler, type SchedulerOptions } from '../../src/schedulers/base.js';
import { SingleBranchScheduler, type SingleBranchOptions } from '../../src/schedulers/single-branch.js';
import { isEqual, isEquivalent } from '../../src/services/equivalence.js';

const accepts = (): boolean => true;

describe('values', () => {
  test.each([
    [1, 1, true],
    [1, 2, false],
    [1, '1', false],
    [null, undefined, false],
    [Number.NaN, Number.NaN, true],
    [[1, [2]], [1, [2]], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [{ a: 1, b: { c: 2 } }, { b: { c: 2 }, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: 1 }, [1], false],
    [/a/i, /a/i, true],
    [/a/i, /a/, false],
    [new Map([['a', [1]]]), new Map([['a', [1]]]), true],
    [new Set(['a']), new Set(['b']), false],
    [new ChangeFilter({ branch: 'a' }), new ChangeFilter({ branch: 'a' }), true],
    [new ChangeFilter({ branch: 'a' }), new ChangeFilter({ branch: /a/ }), false],
    [new ChangeFilter({ accepts }), new ChangeFilter({ accepts }), true],
    [new ChangeFilter({ accepts: () => true }), new ChangeFilter({ accepts: () => true }), false],
    [accepts, accepts, true],
    [new Date(0), new Date(0), false],
    [null, {}, false],
  ])('%j and %j: %j', (left, right, expected) => {
    expect(isEqual(left, right)).toBe(expected);
  });
});

describe('schedulers', () => {
  const make = (options: Partial<SingleBranchOptions> = {}, builders = ['linux']): SingleBranchScheduler =>
    new SingleBranchScheduler('s', builders, { branch: 'master', ...options });

  test.each([
    ['the same again', make(), true],
    ['another branch', make({ branch: 'devel' }), false],
    ['another timer', make({ treeStableTimer: 5 }), false],
    ['another builder', make({}, ['mac']), false],
    ['another property', make({ properties: { a: 1 } }), false],
    ['another reason', make({ reason: 'because' }), false],
  ])('%s', (_name, other, expected) => {
    expect(isEquivalent(make(), other)).toBe(expected);
  });

  test('of another name or class are never equivalent', () => {
    class Other extends SingleBranchScheduler {}
    expect(isEquivalent(make(), new Other('s', ['linux'], { branch: 'master' }))).toBe(false);
    expect(isEquivalent(make(), new SingleBranchScheduler('t', ['linux'], { branch: 'master' }))).toBe(false);
  });
});

describe('what a subclass declares', () => {
  class Hourly extends BaseScheduler {
    static override readonly compareAttrs = ['hour'];
    readonly hour: number;
    readonly undeclared: number;

    constructor(hour: number, undeclared: number, options: SchedulerOptions = {}) {
      super('h', ['linux'], options);
      this.hour = hour;
      this.undeclared = undeclared;
    }
  }

  test('in one line is compared, besides what its base classes declare, and nothing else', () => {
    expect(isEquivalent(new Hourly(3, 1), new Hourly(3, 2))).toBe(true);
    expect(isEquivalent(new Hourly(3, 1), new Hourly(4, 1))).toBe(false);
    expect(isEquivalent(new Hourly(3, 1), new Hourly(3, 1, { priority: 5 }))).toBe(false);
  });

  test('and its instances do not have is an error that suggests what they have', () => {
    class Misspelt extends Hourly {
      static override readonly compareAttrs = ['huor'];
    }
    expect(() => isEquivalent(new Misspelt(3, 1), new Misspelt(3, 1))).toThrow(
      new ConfigError(
        "compareAttrs of class Misspelt names 'huor', which its instances do not have (did you mean 'hour'?)",
      ),
    );
  });
});
