// One direction between two nodes: the conditions that faults put on it, and the fate of each segment that crosses it.
//
// Every choice is a decision of (site, `from>to:port`): what crosses one link, or speaks another protocol, moves nothing
// here. Streams repair what happens to segments, so a fate shows as delay: a lost segment is sent again, an overtaken one
// makes the next wait, a duplicate is thrown away by the receiver.

import type { Decisions, DecisionStream } from '../kernel/decisions.js';
import type { NetworkProfile } from './network-profile.js';

/** First retransmission of a segment after this long; each further one after twice as long. */
export const RETRANSMIT_US = 200_000;

/** A segment is lost at most so often in a row: on a network as it is, and while a fault makes it worse. */
const LOSSES_AT_MOST = 2;
const LOSSES_AT_MOST_IN_FAULT = 5;

export interface LinkStats {
  segments: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

export class Link {
  readonly from: string;
  readonly to: string;
  /** How many faults block this direction now, and since when at least one has; -1 = not blocked. */
  blocks = 0;
  blockedSinceUs = -1;
  /** Sums over the faults at work. */
  extraUs = 0;
  lossPpm = 0;
  duplicatePpm = 0;
  reorderPpm = 0;

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  get isBlocked(): boolean {
    return this.blocks > 0;
  }
}

/** A link as one protocol uses it: draws the fates of its segments. */
export class Path {
  readonly link: Link;
  /** `from>to:port`. */
  readonly label: string;
  readonly #profile: NetworkProfile;
  readonly #stats: LinkStats;
  readonly #latency: DecisionStream;
  readonly #loss: DecisionStream;
  readonly #duplicate: DecisionStream;
  readonly #reorder: DecisionStream;
  readonly #slowestUs: number;

  constructor(
    link: Link,
    port: string,
    world: { decisions: Decisions; profile: NetworkProfile; stats: LinkStats },
  ) {
    this.link = link;
    this.label = `${link.from}>${link.to}:${port}`;
    this.#profile = world.profile;
    this.#stats = world.stats;
    this.#latency = world.decisions.stream('link.latency', this.label);
    this.#loss = world.decisions.stream('link.loss', this.label);
    this.#duplicate = world.decisions.stream('link.duplicate', this.label);
    this.#reorder = world.decisions.stream('link.reorder', this.label);
    this.#slowestUs = world.profile.latencyUs.at(-1) ?? 0;
  }

  /** How long the next segment takes, microseconds, once nothing blocks it. */
  transitUs(): number {
    const { link } = this;
    const table = this.#profile.latencyUs;
    this.#stats.segments += 1;
    let us = (table[this.#latency.choose(table.length)] ?? 0) + link.extraUs;
    const lossPpm = this.#profile.lossPpm + link.lossPpm;
    if (lossPpm > 0) us += this.#retransmissionUs(lossPpm);
    const reorderPpm = this.#profile.reorderPpm + link.reorderPpm;
    if (reorderPpm > 0 && this.#reorder.chance(reorderPpm)) {
      this.#stats.reordered += 1;
      us += this.#slowestUs;
    }
    const duplicatePpm = this.#profile.duplicatePpm + link.duplicatePpm;
    if (duplicatePpm > 0 && this.#duplicate.chance(duplicatePpm)) this.#stats.duplicated += 1;
    return us;
  }

  #retransmissionUs(lossPpm: number): number {
    const atMost = this.link.lossPpm > 0 ? LOSSES_AT_MOST_IN_FAULT : LOSSES_AT_MOST;
    let us = 0;
    for (let losses = 0; losses < atMost && this.#loss.chance(lossPpm); losses++) {
      this.#stats.lost += 1;
      us += RETRANSMIT_US * 2 ** losses;
    }
    return us;
  }
}

/** The first instant, not before `nowUs`, at which what has waited since `sinceUs` is sent again. */
export function nextRetransmissionUs(sinceUs: number, nowUs: number): number {
  let waitUs = RETRANSMIT_US;
  let atUs = sinceUs + waitUs;
  while (atUs < nowUs) {
    waitUs *= 2;
    atUs += waitUs;
  }
  return atUs;
}
