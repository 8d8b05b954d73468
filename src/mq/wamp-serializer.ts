// WAMP messages as JSON, with what wampy 8 cannot be told, or forgets:
//   - `exclude_me: false` on every publication (it drops the option, so that a master would not hear itself);
//   - wildcard subscriptions: wampy fails to unsubscribe what was subscribed with options, and validates away two
//     adjacent wildcards and one at the end. It is given topics with ANY_WORD instead, and only here, on the way out,
//     does that become an empty component and `match: 'wildcard'`.

import { ANY_WORD } from './wamp-topic.js';

const PUBLISH = 16;
const SUBSCRIBE = 32;

/** The serializer that is injected into wampy. */
export class WampSerializer {
  readonly protocol = 'json';
  readonly isBinary = false;

  encode(message: unknown): string {
    return JSON.stringify(Array.isArray(message) ? onTheWire(message) : message);
  }

  /** Throws on what is not JSON; wampy answers that by closing the connection. */
  decode(text: unknown): unknown {
    return JSON.parse(String(text));
  }
}

function onTheWire(message: readonly unknown[]): readonly unknown[] {
  const [type, request, options, topic, ...rest] = message;
  if (type === PUBLISH) return [type, request, { ...(options as object), exclude_me: false }, topic, ...rest];
  if (type !== SUBSCRIBE || typeof topic !== 'string') return message;
  const components = topic.split('.');
  if (!components.includes(ANY_WORD)) return message;
  const pattern = components.map((component) => (component === ANY_WORD ? '' : component)).join('.');
  return [type, request, { match: 'wildcard' }, pattern];
}
