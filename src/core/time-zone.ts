// Time zones: how far local time is ahead of UTC at an instant, and which instants a local time stands for. By the zone
// data of the engine, whatever zone the machine or the process is in.

import { ConfigError } from './errors.js';

/** Milliseconds of a local time, counted as if it were UTC. */
export type LocalMs = number;

const DAY_MS = 86_400_000;

export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | null;

  /** @throws ConfigError when the engine knows no zone of this name. */
  constructor(name: string) {
    this.name = name;
    this.#format = name === 'UTC' ? null : formatOf(name);
  }

  /** How far local time is ahead of UTC at this instant (ms since the epoch), in ms. */
  offsetMs(instantMs: number): number {
    if (this.#format === null) return 0;
    const wholeMs = Math.floor(instantMs / 1000) * 1000;
    const digits = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/.exec(this.#format.format(wholeMs));
    if (digits === null) throw new ConfigError(`the times of zone '${this.name}' cannot be read`);
    const [, month, day, year, hour, minute, second] = digits.map(Number) as [number, ...number[]];
    // oxlint-disable-next-line no-restricted-globals -- arithmetic, not the time
    return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second) - wholeMs;
  }

  /** The local time of an instant. */
  localOf(instantMs: number): LocalMs {
    return instantMs + this.offsetMs(instantMs);
  }

  /**
   * The instants at which clocks show this local time, ascending: one, two when it is repeated, none when it is missing;
   * then `after` is the instant as many minutes behind the change as the time is.
   */
  instantsOf(localMs: LocalMs): { readonly instants: readonly number[]; readonly after: number } {
    const before = this.offsetMs(localMs - DAY_MS);
    const offsets = [...new Set([before, this.offsetMs(localMs + DAY_MS)])];
    const instants = offsets.map((offset) => localMs - offset).filter((at) => this.localOf(at) === localMs);
    return { instants: instants.sort((a, b) => a - b), after: localMs - before };
  }

  /** The instant that programs take a local time for: the first when it is repeated, `after` when it is missing. */
  instantOf(localMs: LocalMs): number {
    const { instants, after } = this.instantsOf(localMs);
    return instants[0] ?? after;
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  try {
    const two = '2-digit';
    // oxlint-disable-next-line no-restricted-globals -- the only source of zone data; locale and zone are given
    return new Intl.DateTimeFormat('en-US', {
      ...{
        timeZone,
        hourCycle: 'h23',
        year: 'numeric',
        month: two,
        day: two,
        hour: two,
        minute: two,
        second: two,
      },
    });
  } catch {
    throw new ConfigError(
      `there is no time zone '${timeZone}', expected a name like 'Europe/Berlin' or 'UTC'`,
    );
  }
}
