// Routing keys and filters as WAMP topics.
//
// A topic is the prefix and one component for each word. Components hold only a-z, 0-9 and underscore, which every
// router accepts under its strictest rules; all else is escaped by UTF-16 code unit, so that any string survives, lone
// surrogates and words with dots included:
//   `__` underscore · `_hh` a unit below 256 · `_uhhhh` any other unit · `_z` (alone) the empty word · `_w` (alone) any word
// Plain keys stay readable: ['changes', '12', 'new'] is `org.standin.mq.changes.12.new`.

import { ConfigError } from '../core/errors.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';

/** What topics begin with unless a configuration says otherwise. */
export const DEFAULT_TOPIC_PREFIX = 'org.standin.mq';

/** The component that stands for any one word in the topic of a filter; on the wire it is the empty component. */
export const ANY_WORD = '_w';
const EMPTY_WORD = '_z';

/** Topics below one prefix. */
export class TopicSpace {
  readonly #prefix: string;

  /** @throws ConfigError unless `prefix` is one or more components of a-z, 0-9 and underscore, and not WAMP's own. */
  constructor(prefix: string) {
    if (!/^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(prefix) || /^wamp(\.|$)/.test(prefix)) {
      throw new ConfigError(
        `a topic prefix is words of a-z, 0-9 and _ joined by dots, other than wamp, got ${JSON.stringify(prefix)}`,
      );
    }
    this.#prefix = `${prefix}.`;
  }

  /** The topic of a key, or of a filter with ANY_WORD for each null. */
  topicOf(filter: Filter): string {
    return this.#prefix + filter.map((word) => (word === null ? ANY_WORD : escapeWord(word))).join('.');
  }

  /** The key of a topic; null when it is none that `topicOf` makes of a key. */
  keyOf(topic: string): RoutingKey | null {
    if (!topic.startsWith(this.#prefix)) return null;
    const words: string[] = [];
    for (const component of topic.slice(this.#prefix.length).split('.')) {
      const word = unescapeWord(component);
      if (word === null) return null;
      words.push(word);
    }
    return words;
  }
}

/** One word as a component of a topic. */
export function escapeWord(word: string): string {
  return word === '' ? EMPTY_WORD : word.replace(/[^a-z0-9]/g, escapeUnit);
}

/** The word of a component; null unless `escapeWord` makes this component. */
export function unescapeWord(component: string): string | null {
  if (component === EMPTY_WORD) return '';
  if (!/^([a-z0-9]|__|_[0-9a-f]{2}|_u[0-9a-f]{4})+$/.test(component)) return null;
  const word = component.replace(
    /__|_u([0-9a-f]{4})|_([0-9a-f]{2})/g,
    (_match, wide?: string, narrow?: string) => {
      const digits = wide ?? narrow;
      return digits === undefined ? '_' : String.fromCharCode(parseInt(digits, 16));
    },
  );
  return escapeWord(word) === component ? word : null;
}

function escapeUnit(unit: string): string {
  if (unit === '_') return '__';
  const code = unit.charCodeAt(0);
  return code < 0x100 ? `_${code.toString(16).padStart(2, '0')}` : `_u${code.toString(16).padStart(4, '0')}`;
}
