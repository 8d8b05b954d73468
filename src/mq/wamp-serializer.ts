// WAMP messages as JSON, with what wampy 8 cannot be told, or forgets:
//   - publications without `acknowledge` (it always asks for it, and waits for the answer): a publication with the option
//     UNACKNOWLEDGED goes out without both, and whoever made the serializer is told, to answer in the router's place;
//   - `exclude_me: false` on every publication (it drops the option, so that a master would not hear itself);
//   - wildcard subscriptions: wampy fails to unsubscribe what was subscribed with options, and validates away two
//     adjacent wildcards and one at the end. It is given topics with ANY_WORD instead, and only here, on the way out,
//     does that become an empty component and `match: 'wildcard'`.

import { ANY_WORD } from './wamp-topic.js';

/** The option of a publication that nobody need acknowledge; it is not sent. */
export const UNACKNOWLEDGED = '_unacknowledged';

const PUBLISH = 16;
const SUBSCRIBE = 32;

/** The serializer that is injected into wampy. */
export class WampSerializer {
  readonly protocol = 'json';
  readonly isBinary = false;

  readonly #onUnacknowledged: (request: number) => void;

  /** `onUnacknowledged` is called with the request of each publication that no router will answer. */
  constructor(onUnacknowledged: (request: number) => void) {
    this.#onUnacknowledged = onUnacknowledged;
  }

  encode(message: unknown): string {
    return JSON.stringify(Array.isArray(message) ? this.#onTheWire(message) : message);
  }

  /** Throws on what is not JSON; wampy answers that by closing the connection. */
  decode(text: unknown): unknown {
    return JSON.parse(String(text));
  }

  #onTheWire(message: readonly unknown[]): readonly unknown[] {
    const [type, request, options, topic, ...rest] = message;
    if (type === PUBLISH) return [type, request, this.#publication(Number(request), options), topic, ...rest];
    if (type !== SUBSCRIBE || typeof topic !== 'string') return message;
    const components = topic.split('.');
    if (!components.includes(ANY_WORD)) return message;
    const pattern = components.map((component) => (component === ANY_WORD ? '' : component)).join('.');
    return [type, request, { match: 'wildcard' }, pattern];
  }

  #publication(request: number, options: unknown): object {
    const { [UNACKNOWLEDGED]: isUnacknowledged, ...sent } = { ...(options as Record<string, unknown>) };
    if (isUnacknowledged !== true) return { ...sent, exclude_me: false };
    this.#onUnacknowledged(request);
    return { exclude_me: false };
  }
}
