// Which changes a scheduler wants to hear of.
// @source buildbot master/buildbot/changes/filter.py

import { ConfigError } from '../core/errors.js';
import type { Change } from '../db/changes.js';

type Matcher = string | null | readonly (string | null)[] | RegExp;

/** Every condition that is given must hold. A string, null or list is compared exactly, a RegExp searched for. */
export interface ChangeFilterOptions {
  readonly branch?: Matcher;
  readonly category?: Matcher;
  readonly repository?: Matcher;
  readonly project?: Matcher;
  readonly codebase?: Matcher;
  /** Any further condition; pure. */
  readonly accepts?: (change: Change) => boolean;
}

const FIELDS = ['branch', 'category', 'repository', 'project', 'codebase'] as const;

export class ChangeFilter {
  static readonly compareAttrs: readonly string[] = ['options'];
  /** As given to the constructor. */
  readonly options: ChangeFilterOptions;

  /** @throws ConfigError for a key that is no condition. */
  constructor(options: ChangeFilterOptions = {}) {
    for (const key of Object.keys(options)) {
      if (key !== 'accepts' && !(FIELDS as readonly string[]).includes(key)) {
        throw new ConfigError(
          `a change filter has no condition '${key}', expected ${FIELDS.join(', ')} or accepts`,
        );
      }
    }
    this.options = options;
  }

  /** Whether the change passes. */
  accepts(change: Change): boolean {
    for (const field of FIELDS) {
      const matcher = this.options[field];
      if (matcher !== undefined && !isMatch(matcher, change[field])) return false;
    }
    return this.options.accepts?.(change) ?? true;
  }
}

function isMatch(matcher: Matcher, value: string | null): boolean {
  if (matcher instanceof RegExp) return value !== null && value.search(matcher) >= 0;
  return Array.isArray(matcher) ? matcher.includes(value) : matcher === value;
}
